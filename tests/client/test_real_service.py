"""The client and the service agree."""

from __future__ import annotations

import pytest

from tests.client.embedded import EmbeddedZoe
from tests.client.real import RealZoe
from zoe_hub.client import ZoeClient
from zoe_hub.model import errors
from zoe_hub.model.commands import Submit
from zoe_hub.model.execution import Attachment, ExecutionState


@pytest.fixture(params=[RealZoe, EmbeddedZoe], ids=["service", "without-a-hub"])
def form(request):
    return request.param


def running(view) -> bool:
    return view.state is ExecutionState.RUNNING


async def test_a_cluster_from_submission_to_its_end(form, tmp_path):
    with form(tmp_path) as zoe:
        async with ZoeClient(zoe.url, zoe.token) as client:
            assert (await client.me()).name == zoe.owner
            assert ("toys", True) in [(z.name, z.attachable) for z in (await client.shop()).zapps]
            assert (await client.plan(Submit(zapp="toys"))).scales == "workers"
            assert "capacity" in await client.nodes()
            attachment = Attachment(server=zoe.server, kernel="k1")
            submit = Submit(zapp="toys", parameters={"workers": 3}, attachment=attachment)
            view = await client.submit(submit, idempotency_key="one")
            assert (await client.submit(submit, idempotency_key="one")).id == view.id
            seen = []
            view = await client.wait(view.id, running, on_event=lambda event, now: seen.append(event.kind.value))
            assert (view.workers, view.asked, view.allowed) == (("toy.worker",), 3, 3)
            view = await client.wait(view.id, lambda now: now.ready == 3)
            connection = await client.connection(view.name)
            assert connection.clients[0].connection["address"].startswith("toy://127.0.0.1:")
            await client.modify(view.name, {"workers": 1})
            view = await client.wait(view.id, lambda now: now.present == 1)
            assert view.workers == ("toy.worker",)
            await client.detach(view.name)
            assert (await client.attach(view.name, attachment)).attachment.kernel == "k1"
            assert [e.id for e in await client.executions(server=zoe.server, live=True)] == [view.id]
            assert await client.executions(server=f"{zoe.owner}/other") == []
            assert isinstance(b"".join([c async for c in client.logs(view.id, "toy.head", 0)]), bytes)
            await client.terminate(view.id)
            view = await client.wait(view.id, lambda now: now.state.ended)
            kinds = []
            async for event in client.events(view.id, after=0):
                kinds.append(event.kind.value)
                if event.data.get("after") == "terminated":
                    break
            assert kinds[0] == "execution.submitted"


async def test_refusals_are_the_models_errors(form, tmp_path):
    with form(tmp_path, cpus=4) as zoe:
        async with ZoeClient(zoe.url, zoe.token) as client:
            with pytest.raises(errors.UnknownName, match="Did you mean 'toys'"):
                await client.submit(Submit(zapp="toyz"))
            with pytest.raises(errors.InvalidParameter) as raised:
                await client.submit(Submit(zapp="toys", parameters={"workers": 101}))
            assert raised.value.parameter == "workers"
            with pytest.raises(errors.UnknownName):
                await client.execution("nothing")
            view = await client.submit(Submit(zapp="toys", name="mine"))
            await client.wait(view.id, running)
            with pytest.raises(errors.Conflict):
                await client.submit(Submit(zapp="toys", name="mine"))
        async with ZoeClient(zoe.url, "wrong") as client:
            with pytest.raises(errors.NotPermitted):
                await client.me()


async def test_what_fails_says_why(form, tmp_path):
    with form(tmp_path, failing=True) as zoe:
        async with ZoeClient(zoe.url, zoe.token) as client:
            view = await client.submit(Submit(zapp="toys"))
            with pytest.raises(errors.ExecutionEnded, match="toys-1 failed"):
                await client.wait(view.id, running)
