"""One execution's page, and what can be done there, without scripts."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.store.writing import stored
from tests.web.conftest import Site, Starter
from zoe_hub.model.execution import InstanceState, InstanceStatus
from zoe_hub.store.changes import InstanceReported

PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}


async def test_it_shows_instances_pages_and_what_can_be_done(
    site: Site, start: Starter, alice: httpx.AsyncClient
) -> None:
    execution = await start(name="flights", attachment={"server": "alice/"})
    text = (await alice.get(f"{site.url}executions/{execution}", headers=PAGE)).text
    assert "Open Toy pages" in text
    assert "<dt>Attached to</dt><dd>the notebook server</dd>" in text
    assert 'max="1000"' in text
    for button in ("Scale", "Keep", "Detach", "Terminate"):
        assert f">{button}</button>" in text


@pytest.mark.parametrize(
    ("attachment", "told"),
    [
        ({"server": "alice/", "kernel": "k1"}, "attached to a notebook<"),
        ({"server": "alice/gpu", "kernel": "k1"}, "attached to a notebook of the server gpu<"),
        ({"server": "alice/gpu"}, "attached to the server gpu<"),
    ],
)
async def test_what_it_is_attached_to_is_told_in_words(
    site: Site, start: Starter, alice: httpx.AsyncClient, attachment: dict[str, str], told: str
) -> None:
    await start(attachment=attachment)
    assert told in (await alice.get(site.url, headers=PAGE)).text


async def test_who_looks_at_somebody_elses_is_told_to_administer(
    site: Site, start: Starter, admin: httpx.AsyncClient, alice: httpx.AsyncClient
) -> None:
    execution = await start()
    for client, where in ((alice, "My executions"), (admin, "Zoe administration")):
        for page in (f"executions/{execution}", f"executions/{execution}/logs"):
            text = (await client.get(site.url + page, headers=PAGE)).text
            assert re.findall(r'class="nav-link active"[^>]*>([^<]+)<', text) == [where]


async def test_an_administrator_sees_no_door_to_somebody_elses_pages(
    site: Site, start: Starter, admin: httpx.AsyncClient
) -> None:
    execution = await start()
    text = (await admin.get(f"{site.url}executions/{execution}", headers=PAGE)).text
    assert "Toy pages" not in text
    assert "/ui/" not in text


async def test_forms_scale_keep_and_detach(site: Site, start: Starter, alice: httpx.AsyncClient) -> None:
    execution = await start(attachment={"server": "alice/"})
    place = f"{site.url}executions/{execution}"
    answer = await alice.post(f"{place}/scale", data={"parameter": "workers", "value": "4", "next": _path(place)})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{_path(place)}?done=saved")
    assert (await alice.post(f"{place}/keep", data={"seconds": "30 min"})).status_code == 303
    assert (await alice.post(f"{place}/detach", data={})).status_code == 303
    after = await site.context.store.get(execution)
    assert after.parameters["workers"] == 4
    assert after.life.kept_until is not None
    assert after.attachment is None


async def test_a_size_out_of_bounds_is_refused_in_words(site: Site, start: Starter, alice: httpx.AsyncClient) -> None:
    place = f"{site.url}executions/{await start()}"
    answer = await alice.post(f"{place}/scale", data={"parameter": "workers", "value": "5000"}, headers=PAGE)
    assert answer.status_code == 422
    assert "5000" in answer.text
    answer = await alice.post(f"{place}/keep", data={"seconds": "for ever"}, headers=PAGE)
    assert answer.status_code == 422
    assert "no span of time" in answer.text


async def test_a_form_leads_back_to_our_own_pages_only(site: Site, start: Starter, alice: httpx.AsyncClient) -> None:
    for wanted in ("https://evil.example/", "//evil.example", f"{site.context.prefix}../../user/bob", "\\evil"):
        execution = await start()
        answer = await alice.post(f"{site.url}executions/{execution}/terminate", data={"next": wanted})
        assert answer.headers["Location"] == f"{site.context.prefix}?done=terminate"


async def test_logs_are_shown_as_text(site: Site, start: Starter, alice: httpx.AsyncClient) -> None:
    execution = await start(name="flights")
    site.written.texts["toy.head", 0] = b"<script>alert(1)</script>\n\xff\n"
    query = {"process": "toy.head", "ordinal": "0"}
    text = (await alice.get(f"{site.url}executions/{execution}/logs", params=query, headers=PAGE)).text
    assert "&lt;script&gt;alert(1)" in text
    assert 'download="flights.log"' in text
    assert site.written.calls[-1]["tail"] == 500
    # What it writes from now on, a script asks for.
    assert f"/executions/{execution}/logs?follow=true&amp;tail=500&amp;process=toy.head&amp;ordinal=0" in text


async def test_the_form_of_the_logs_names_each_instance_once(
    site: Site, start: Starter, alice: httpx.AsyncClient
) -> None:
    execution = await start(name="flights")
    for process in ("toy.head", "toy.worker"):
        status = InstanceStatus(execution=execution, process=process, ordinal=0, state=InstanceState.READY)
        await stored(site.context.store, InstanceReported(status))
    site.written.texts["toy.worker", 0] = b"of the worker\n"
    text = (await alice.get(f"{site.url}executions/{execution}/logs?instance=toy.worker/0", headers=PAGE)).text
    assert '<option value="toy.head/0">Head 1</option>' in text
    assert '<option value="toy.worker/0" selected>' in text
    assert "of the worker" in text
    refused = await alice.get(f"{site.url}executions/{execution}/logs?instance=toy.worker", headers=PAGE)
    assert refused.status_code == 400


async def test_pages_know_no_secrets(site: Site, start: Starter, alice: httpx.AsyncClient) -> None:
    execution = await start()
    secret = (await alice.get(f"/executions/{execution}/connection")).json()["clients"][0]["connection"]["token"]
    for path in ("", f"executions/{execution}"):
        assert secret not in (await alice.get(site.url + path, headers=PAGE)).text


def _path(url: str) -> str:
    return httpx.URL(url).path
