from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing

import pytest

from tests.client.fakes import TOKEN, BusyZoe, DroppingZoe, FailingZoe, FakeZoe, ShakyZoe, SlowZoe
from zoe_hub.client import ZoeClient
from zoe_hub.model import errors
from zoe_hub.model.commands import Submit
from zoe_hub.model.execution import Attachment, ExecutionState

FAST = (0.01, 0.01, 0.01)


@pytest.fixture
def zoe() -> Iterator[FakeZoe]:
    with FakeZoe() as service:
        yield service


def client_of(service: FakeZoe, token: str = TOKEN) -> ZoeClient:
    return ZoeClient(service.url, token, retry_delays=FAST)


def running(view) -> bool:
    return view.state is ExecutionState.RUNNING


async def test_a_cluster_from_submission_to_its_end(zoe):
    async with client_of(zoe) as client:
        submitted = await client.submit(Submit(zapp="spark", parameters={"workers": 3}, name="first"))
        view = await client.wait(submitted.id, running)
        assert (view.name, view.asked, view.allowed, view.ready) == ("first", 3, 3, 3)
        await client.modify("first", {"workers": 1})
        view = await client.wait(submitted.id, lambda v: v.ready == 1)
        assert view.workers == ("spark.worker",)
        await client.terminate(view.id)
        view = await client.wait(view.id, lambda v: v.state.ended)
        assert view.state is ExecutionState.TERMINATED
        assert await client.executions(live=True) == []
        assert [e.name for e in await client.executions()] == ["first"]


async def test_what_is_read(zoe):
    async with client_of(zoe) as client:
        assert (await client.me()).name == "alice"
        assert (await client.shop()).zapps[0].parameters[0].maximum == 100
        assert (await client.plan(Submit(zapp="jupyterlab-spark"))).server
        view = await client.submit(Submit(zapp="spark"))
        await client.wait(view.id, running)
        connection = await client.connection(view.id)
        assert connection.clients[0].connection["secret"] == "c2VjcmV0"
        assert "c2VjcmV0" not in repr(connection)
        assert b"".join([chunk async for chunk in client.logs(view.id, tail=1)]) == b"second line\n"
        attached = await client.attach(view.id, Attachment(server="alice/", kernel="k"))
        assert (attached.attachment.server, attached.attachment.kernel) == ("alice/", "k")
        await client.detach(view.id)
        assert (await client.execution(view.name)).attachment is None


@pytest.mark.parametrize(
    ("submit", "kind", "sentence"),
    [
        (Submit(zapp="sprk"), errors.UnknownName, "There is no ZApp named 'sprk'. Did you mean 'spark'?"),
        (
            Submit(zapp="spark", parameters={"workers": 101}),
            errors.InvalidParameter,
            "workers: 101 is out of bounds: from 0 to 100",
        ),
    ],
)
async def test_a_refusal_is_the_models_error_with_the_services_sentence(zoe, submit, kind, sentence):
    async with client_of(zoe) as client:
        with pytest.raises(kind) as raised:
            await client.submit(submit)
    assert str(raised.value) == sentence


async def test_an_invalid_parameter_names_itself(zoe):
    async with client_of(zoe) as client:
        with pytest.raises(errors.InvalidParameter) as raised:
            await client.plan(Submit(zapp="spark", parameters={"workers": "many"}))
    assert (raised.value.parameter, raised.value.reason) == ("workers", "no whole number")


async def test_a_wrong_token(zoe):
    async with client_of(zoe, token="wrong") as client:
        with pytest.raises(errors.NotPermitted):
            await client.me()


async def test_nothing_at_the_address(zoe):
    async with ZoeClient(f"http://127.0.0.1:{zoe.port}/elsewhere", TOKEN) as client:
        with pytest.raises(errors.ServiceUnavailable, match="There is no Zoe service at"):
            await client.me()


async def test_nobody_listens(zoe):
    url = zoe.url
    zoe.__exit__()
    async with ZoeClient(url, TOKEN, retry_delays=FAST) as client:
        with pytest.raises(errors.ServiceUnavailable, match="could not be reached") as raised:
            await client.me()
    assert TOKEN not in str(raised.value)


@pytest.mark.parametrize(
    "address", ["localhost:9999", "http://[bad", "http://127.0.0.1:port/services/zoe", "http://127.0.0.1:99999"]
)
def test_an_address_that_is_none(address):
    with pytest.raises(errors.InvalidRequest, match="no address"):
        ZoeClient(address, TOKEN)


async def test_a_shaky_service_is_asked_again_and_starts_nothing_twice():
    with ShakyZoe() as zoe:
        async with client_of(zoe) as client:
            await client.submit(Submit(zapp="spark"))
            assert len(await client.executions()) == 1
        keys = {headers["Idempotency-Key"] for method, _, headers, _ in zoe.requests if method == "POST"}
    assert len(keys) == 1


async def test_the_same_key_gives_the_same_execution(zoe):
    async with client_of(zoe) as client:
        first = await client.submit(Submit(zapp="spark"), idempotency_key="one")
        second = await client.submit(Submit(zapp="spark"), idempotency_key="one")
        third = await client.submit(Submit(zapp="spark"))
    assert first.id == second.id != third.id


async def test_a_cut_stream_of_events_is_resumed_where_it_broke():
    with DroppingZoe() as zoe:
        async with client_of(zoe) as client:
            view = await client.submit(Submit(zapp="spark"))
            await client.wait(view.id, running)
            seen = []
            async for event in client.events(view.id, after=0):
                seen.append(event.seq)
                if len(seen) == len(zoe.events):
                    break
    assert seen == [event["seq"] for event in zoe.events]


async def test_that_the_service_is_away_is_told_and_that_it_is_back_but_no_cut_that_is_over_at_once():
    with DroppingZoe() as zoe:
        async with client_of(zoe) as client:
            told, there, gone = [], asyncio.Event(), asyncio.Event()

            def on_connection(stands):
                told.append(stands)
                (there if stands else gone).set()

            async def follow():
                async for _ in client.events(after=0, on_connection=on_connection):
                    pass

            following = asyncio.create_task(follow())
            for name in ("one", "two"):
                await client.submit(Submit(zapp="spark", name=name))
            await asyncio.wait_for(there.wait(), 10)
            await asyncio.sleep(0.5)
            assert False not in told
            await asyncio.to_thread(zoe.__exit__)
            await asyncio.wait_for(gone.wait(), 20)
            there.clear()
            zoe._ready.clear()
            await asyncio.to_thread(zoe.__enter__)
            await asyncio.wait_for(there.wait(), 20)
            following.cancel()


async def test_where_events_are_missing_it_is_told():
    with FakeZoe() as zoe:
        async with client_of(zoe) as client:
            view = await client.submit(Submit(zapp="spark"))
            await client.wait(view.id, running)
            zoe.deleted = 2
            gaps = []
            for after, told in ((0, 1), (2, 1), (1, 2)):
                async with aclosing(client.events(after=after, on_gap=lambda: gaps.append(1))) as events:
                    assert (await anext(events)).seq == after + 1
                assert len(gaps) == told


async def test_events_of_another_database_count_though_their_numbers_are_lower():
    with FakeZoe() as zoe:
        async with client_of(zoe) as client:
            gaps = []
            async with aclosing(client.events(after=1000, on_gap=lambda: gaps.append(1))) as events:
                first = asyncio.ensure_future(anext(events))
                await asyncio.to_thread(zoe.wait_for_follower)
                await client.submit(Submit(zapp="spark"))
                assert (await first).seq == 1
            assert gaps == [1]


async def test_numbers_of_numpy_are_numbers():
    numpy = pytest.importorskip("numpy")
    with FakeZoe() as zoe:
        async with client_of(zoe) as client:
            view = await client.submit(Submit(zapp="spark", parameters={"workers": numpy.int64(3)}))
            assert view.parameters["workers"] == 3
            assert (await client.modify(view.id, {"workers": numpy.int32(4)})).number == 4
            with pytest.raises(errors.InvalidRequest, match="A parameter is a number, a text, true or false"):
                await client.modify(view.id, {"workers": object()})


async def test_waiting_tells_of_every_event():
    with SlowZoe() as zoe:
        async with client_of(zoe) as client:
            view = await client.submit(Submit(zapp="spark"))
            seen: list[tuple[int, str]] = []

            def on_event(event, now):
                seen.append((event.seq, now.state.value))
                if event.data.get("after") == "starting":
                    zoe.release()

            await client.wait(view.id, running, on_event=on_event)
    assert [seq for seq, _ in seen] == sorted({seq for seq, _ in seen})
    assert seen[-1][1] == "running"


async def test_waiting_survives_a_restart_of_the_service():
    with SlowZoe() as zoe:
        async with client_of(zoe) as client:
            view = await client.submit(Submit(zapp="spark"))
            waiting = asyncio.create_task(client.wait(view.id, running))
            await asyncio.to_thread(zoe.wait_for_follower)
            await asyncio.to_thread(zoe.__exit__)
            zoe._ready.clear()
            await asyncio.to_thread(zoe.__enter__)
            zoe.release()
            assert running(await waiting)


async def test_waiting_survives_a_service_that_goes_between_an_event_and_the_look(monkeypatch):
    with SlowZoe() as zoe:
        async with client_of(zoe) as client:
            view = await client.submit(Submit(zapp="spark"))
            look, looks = client.execution, []

            async def away_once(execution):
                looks.append(execution)
                if len(looks) == 2:
                    raise errors.ServiceUnavailable("Zoe's service could not be reached.")
                return await look(execution)

            monkeypatch.setattr(client, "execution", away_once)
            waiting = asyncio.create_task(client.wait(view.id, running))
            await asyncio.to_thread(zoe.wait_for_follower)
            zoe.release()
            assert running(await waiting)
            assert len(looks) > 2


async def test_a_cancelled_wait_is_cancelled_though_the_result_is_there(monkeypatch):
    with SlowZoe() as zoe:
        async with client_of(zoe) as client:
            view = await client.submit(Submit(zapp="spark"))
            arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()

            async def in_time(*_):
                await arrived
                return view

            monkeypatch.setattr("zoe_hub.client.waiting._wait", in_time)
            waiting = asyncio.create_task(client.wait(view.id, running, timeout=60))
            await asyncio.sleep(0.01)
            arrived.set_result(None)
            asyncio.get_running_loop().call_soon(asyncio.get_running_loop().call_soon, waiting.cancel)
            with pytest.raises(asyncio.CancelledError):
                await waiting


async def test_waiting_for_what_fails_says_why():
    with FailingZoe() as zoe:
        async with client_of(zoe) as client:
            view = await client.submit(Submit(zapp="spark"))
            with pytest.raises(errors.ExecutionEnded, match=r"spark-1 failed: There is no Java on this machine"):
                await client.wait(view.id, running)


async def test_waiting_has_a_limit():
    with SlowZoe() as zoe:
        async with client_of(zoe) as client:
            view = await client.submit(Submit(zapp="spark"))
            with pytest.raises(TimeoutError):
                await client.wait(view.id, running, timeout=0.05)


async def test_a_busy_service_is_asked_again_no_sooner_than_it_says(monkeypatch):
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    with BusyZoe(times=2) as zoe:
        async with client_of(zoe) as client:
            await client.me()
            monkeypatch.setattr("zoe_hub.client.requests.asyncio.sleep", sleep)
            await client.me()
    assert [wait for wait in waits if wait >= 1] == [7, 7]


async def test_a_wish_waits_for_a_killed_service_longer_than_a_look(zoe, monkeypatch):
    waited = []

    async def sleep(seconds):
        waited.append(seconds)

    zoe.__exit__()
    monkeypatch.setattr("zoe_hub.client.requests.asyncio.sleep", sleep)
    async with ZoeClient(zoe.url, TOKEN) as client:
        with pytest.raises(errors.ServiceUnavailable):
            await client.execution("spark-1")
        looking = sum(waited)
        waited.clear()
        with pytest.raises(errors.ServiceUnavailable):
            await client.terminate("spark-1")
    assert looking < 10 < sum(waited) < 30


async def test_a_service_that_stays_busy_says_so():
    with BusyZoe(times=100) as zoe:
        async with ZoeClient(zoe.url, TOKEN, retry_delays=()) as client:
            await client.me()
            with pytest.raises(errors.TooManyRequests, match=r"Come back later\.") as refused:
                await client.me()
    assert refused.value.retry_after == 7
