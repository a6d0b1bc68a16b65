"""The administrator's panel, as a browser without scripts uses it."""

from __future__ import annotations

import dataclasses
import re
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.store.writing import stored
from tests.web.conftest import PREFIX, Site, Starter, client_of, serve
from zoe_hub.model.errors import UnknownName
from zoe_hub.scheduler.allowances import Subject
from zoe_hub.store.changes import Explained, Granted

PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}


async def seen(site: Site, token: str, path: str) -> str:
    async with client_of(site, token) as client:
        answer = await client.get(site.url + path, headers=PAGE)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_everybodys_are_listed_and_found_by_owner_state_and_text(site: Site, start: Starter) -> None:
    await start(name="flights")
    await start("bob-token", name="trains")
    text = await seen(site, "admin-token", "admin/executions")
    assert "flights" in text
    assert "trains" in text
    for query in ("owner=bob", "text=TRAIN", "text=bob"):
        text = await seen(site, "admin-token", f"admin/executions?{query}")
        assert "trains" in text, query
        assert "flights" not in text, query
    assert "Nothing matches." in await seen(site, "admin-token", "admin/executions?state=queued")


async def test_what_cannot_be_in_an_address_is_said(site: Site, admin: httpx.AsyncClient) -> None:
    answer = await admin.get(f"{site.url}admin/executions?state=sleepy", headers=PAGE)
    assert answer.status_code == 400
    assert "State in the address is not as it should be" in answer.text


async def test_many_are_shown_a_page_at_a_time(site: Site, alice: httpx.AsyncClient) -> None:
    for number in range(55):
        assert (await alice.post("/executions", json={"zapp": "toys", "name": f"toy-{number}"})).status_code == 202
    first = await seen(site, "alice-token", "")
    assert "1 to 50 of 55" in first
    assert "toy-54<" in first
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older is not None
    second = await seen(site, "alice-token", older[1].removeprefix(PREFIX))
    assert "51 to 55 of 55" in second
    assert "toy-0<" in second
    assert "toy-54<" not in second


async def test_the_queue_says_what_each_waits_for(site: Site, alice: httpx.AsyncClient) -> None:
    assert "Nobody waits." in await seen(site, "admin-token", "admin/queue")
    execution = (await alice.post("/executions", json={"zapp": "toys", "name": "flights"})).json()["id"]
    await stored(site.context.store, Explained(execution, "There is no room: 3 CPU are missing."))
    text = await seen(site, "admin-token", "admin/queue")
    assert "flights" in text
    assert "3 CPU are missing" in text
    listed = await seen(site, "admin-token", "admin/executions")
    assert re.findall(r'class="badge[^>]*data-state="queued">([^<]+)<', listed) == ["waiting"]
    # It holds nothing.
    assert '<td class="text-nowrap">\u2013</td>' in listed


async def test_many_are_ended_only_by_who_writes_whose_they_are(site: Site, start: Starter) -> None:
    chosen = [await start(name="flights"), await start(name="boats")]
    left = await start("bob-token", name="trains")
    async with client_of(site, None, cookies={"login": "admin-token"}) as browser:
        page = await browser.get(f"{site.url}admin/executions", headers=PAGE)
        fields = {"_xsrf": re.findall(r'name="_xsrf" value="([^"]+)"', page.text)[-1], "id": chosen}
        assert page.text.count('form="zoe-bulk" name="id"') == 3
        asked = await browser.post(f"{site.url}admin/terminate", data=fields)
        assert asked.status_code == 200
        assert "<strong>flights</strong>" in asked.text
        assert "<strong>boats</strong>" in asked.text
        assert "trains" not in asked.text
        assert "write <strong>alice</strong>" in asked.text
        wrong = await browser.post(f"{site.url}admin/terminate", data={**fields, "confirm": "bob"})
        assert wrong.status_code == 422
        assert "nothing was terminated" in wrong.text
        assert (await site.context.store.get(chosen[0])).desired.value == "running"
        done = await browser.post(f"{site.url}admin/terminate", data={**fields, "confirm": "alice"})
        assert done.status_code == 303
    for execution in chosen:
        assert (await site.context.store.get(execution)).desired.value == "terminated"
    assert (await site.context.store.get(left)).desired.value == "running"


async def test_each_that_was_ended_has_its_line_in_the_trail(
    site: Site, start: Starter, admin: httpx.AsyncClient
) -> None:
    chosen = [await start(name="flights"), await start("bob-token", name="trains")]
    confirmed = {"id": chosen, "confirm": "2 executions of 2 users"}
    assert (await admin.post(f"{site.url}admin/terminate", data=confirmed)).status_code == 303
    lines = (await admin.get("/audit", params={"action": "terminate_execution"})).json()["lines"]
    assert {line["execution"] for line in lines} == set(chosen)
    assert {line["caller"] for line in lines} == {"admin"}
    assert "terminate_execution" in await seen(site, "admin-token", "admin/audit")


async def test_the_trail_names_an_execution_the_same_way_in_every_line(
    site: Site, start: Starter, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = await start()
    assert (await admin.delete(f"/executions/{execution}")).status_code == 202
    zapp = (await site.context.store.get(execution)).zapp
    link = f'{zapp} <a class="zoe-id" href="{PREFIX}admin/audit?execution={execution}">{execution}</a>'
    assert (await seen(site, "admin-token", "admin/audit")).count(link) == 2
    # Also where the line about its beginning is not on the page.
    assert link in await seen(site, "admin-token", "admin/audit?action=terminate_execution")

    # Of what is not kept any more, and of which no line on the page says the ZApp, the identifier is left.
    async def gone(self: Any, execution: str) -> Any:
        raise UnknownName("executions", execution)

    monkeypatch.setattr(type(site.context.store), "get", gone)
    assert f">{execution}</a>" in await seen(site, "admin-token", "admin/audit?action=terminate_execution")


async def test_who_does_not_administer_everybody_ends_nothing_there(site: Site, start: Starter) -> None:
    execution = await start()
    async with client_of(site, "alice-token") as alice:
        answer = await alice.post(f"{site.url}admin/terminate", data={"id": execution, "confirm": "toys-1"})
    assert answer.status_code == 403
    assert (await site.context.store.get(execution)).desired.value == "running"


@pytest.mark.parametrize("ids", [[], ["x"] * 3, [f"x{number}" for number in range(201)]])
async def test_a_choice_that_makes_no_sense_ends_nothing(site: Site, admin: httpx.AsyncClient, ids: list[str]) -> None:
    answer = await admin.post(f"{site.url}admin/terminate", data={"id": ids, "confirm": "x"}, headers=PAGE)
    assert answer.status_code in (400, 404)


async def test_a_quota_is_set_changed_and_removed_by_forms(site: Site, admin: httpx.AsyncClient) -> None:
    place = f"{site.url}admin/quotas/edit"
    subject = {"kind": "user", "name": "erin"}
    given = {**subject, "cpu": "2.5", "memory": "8 GiB", "executions": "unlimited", "window": "7 days"}
    assert (await admin.post(place, data=given)).status_code == 303
    limits = (await site.context.store.quotas())[Subject("user", "erin")]
    assert limits.said == {"cpu": 2.5, "memory": 8 * 2**30, "executions": "unlimited", "window": 7 * 86_400}
    listed = await seen(site, "admin-token", "admin/quotas")
    assert "user erin" in listed
    assert "8 GiB" in listed
    form = await seen(site, "admin-token", "admin/quotas/edit?kind=user&name=erin")
    shown = dict(re.findall(r'name="(\w+)" value="([^"]*)" maxlength', form))
    assert shown["memory"] == "8 GiB"
    assert shown["cpu"] == "2.5"
    # What was shown, sent again, means the same.
    assert (await admin.post(place, data={**subject, **shown})).status_code == 303
    assert (await site.context.store.quotas())[Subject("user", "erin")] == limits
    assert (await admin.post(place, data={**subject, "remove": "1"})).status_code == 303
    assert Subject("user", "erin") not in await site.context.store.quotas()
    actions = [line["action"] for line in (await admin.get("/audit")).json()["lines"]]
    assert actions == ["delete_users_quota", "put_users_quota", "put_users_quota"]


async def test_what_is_wrong_with_a_quota_is_said_and_nothing_is_lost(site: Site, admin: httpx.AsyncClient) -> None:
    given = {"kind": "group", "name": "staff", "each.cpu": "much", "together.memory": "8 GiB"}
    answer = await admin.post(f"{site.url}admin/quotas/edit", data=given, headers=PAGE)
    assert answer.status_code == 422
    assert "each.cpu" in answer.text
    assert "Nothing was changed" in answer.text
    assert 'value="much"' in answer.text
    assert 'value="8 GiB"' in answer.text
    assert not await site.context.store.quotas()


async def test_capacity_tells_who_holds_what(site: Site, start: Starter) -> None:
    execution = await start()
    await stored(site.context.store, Granted(execution, {"toy.head": 1, "toy.worker": 1}))
    text = await seen(site, "admin-token", "admin/capacity")
    assert "Granted: 2 of 16 CPU, 128 MiB of 16 GiB memory." in text
    assert re.search(r"owner=alice\">alice</a></th><td>2</td><td>128 MiB</td><td>0</td><td>2</td><td>1</td>", text)
    assert '<rect x="' in text


async def test_who_holds_what_is_told_to_administrators_only(
    site: Site, start: Starter, alice: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    execution = await start()
    await start("bob-token")
    await stored(site.context.store, Granted(execution, {"toy.head": 1, "toy.worker": 1}))
    assert (await admin.get("/nodes")).json()["holders"] == [
        {
            "owner": "alice", "executions": 1, "waiting": 0, "instances": 2,
            "holds": {"cpu": 2, "memory": 128 * 2**20, "gpu": 0},
        },
        {"owner": "bob", "executions": 1, "waiting": 0, "instances": 0, "holds": {"cpu": 0, "memory": 0, "gpu": 0}},
    ]  # fmt: skip
    assert (await alice.get("/nodes")).json()["holders"] == []


async def test_an_idle_machine_is_told_to_be_idle(site: Site) -> None:
    text = await seen(site, "admin-token", "admin/capacity")
    assert "Nobody holds anything." in text
    assert "Nobody held anything in this time." in text


async def test_the_past_is_not_added_up_again_for_every_look(
    site: Site, start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    added: list[datetime] = []
    present = site.context.store.present

    async def counted(since: datetime, until: datetime, *, limit: int) -> Any:
        added.append(until)
        return await present(since, until, limit=limit)

    monkeypatch.setattr(site.context.store, "present", counted)
    for _ in range(3):
        await seen(site, "admin-token", "admin/capacity")
    assert len(added) == 1
    await seen(site, "admin-token", "admin/capacity?window=1h")
    assert len(added) == 2
    execution = await start()
    await stored(site.context.store, Granted(execution, {"toy.head": 1}))
    assert ">alice</a></th><td>1</td>" in await seen(site, "admin-token", "admin/capacity"), "what is held now, is new"


async def test_the_shop_page_tells_folders_and_what_is_broken(site: Site) -> None:
    assert "All files of the shop are in order." in await seen(site, "admin-token", "admin/shop")
    folder = site.context.catalogue.folder("toy").parent
    (folder / "zapps" / "broken.yaml").write_text("apiVersion: zoe/v1\nkind: ZApp\nname: b\ntitle: T\nframeworks: 7\n")
    text = await seen(site, "admin-token", "admin/shop")
    assert "broken.yaml" in text
    assert "<td>5</td>" in text
    assert "1 broken file" in text


async def test_the_hubs_own_navigation_is_on_every_page(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what an administrator put into it; without it, pages have one of their own."""
    link = f'<a class="nav-link" href="{PREFIX}admin/executions">Zoe</a>'
    own = f'<nav id="theirs">{link}<a href="/handbook">Handbook</a></nav>'

    async def navigation(_: Any, user: str) -> str:
        return own.replace("Zoe", f"Zoe for {user}")

    async with client_of(site, "admin-token") as admin:
        plain = (await admin.get(f"{site.url}admin/queue", headers=PAGE)).text
        assert 'id="theirs"' not in plain
        assert f'href="{PREFIX}admin/executions">Zoe administration' in plain
        monkeypatch.setattr(type(site.context.identities), "navigation", navigation)
        theirs = (await admin.get(f"{site.url}admin/queue", headers=PAGE)).text
        assert '>Zoe for admin</a><a href="/handbook">' in theirs
        assert theirs.count('<nav id="theirs">') == 1
        assert f'<a class="nav-link active" href="{PREFIX}admin/executions">' in theirs
        assert ">Zoe administration</a>" not in theirs
        assert f'href="{PREFIX}admin/capacity"' not in (await admin.get(site.url, headers=PAGE)).text
        own = own.replace("admin/executions", "")
        # Whose template has no link to them finds the administrator's pages in ours.
        assert f'href="{PREFIX}admin/capacity"' in (await admin.get(site.url, headers=PAGE)).text


async def test_health_says_what_the_parts_say(site: Site) -> None:
    text = await seen(site, "admin-token", "admin/health")
    assert "The service can do its work." in text
    assert "leads: it runs the engine" in text


async def test_health_tells_administrators_why_nothing_can_be_started(site: Site) -> None:
    why = "the image zoe/guard:0.1 is not on the engine"
    async with (
        serve(dataclasses.replace(site.context, trouble=lambda: why)) as (url, _),
        client_of(site, "admin-token") as client,
    ):
        text = (await client.get(f"{url}admin/health", headers=PAGE)).text
    assert "The service cannot do its work." in text
    assert why in text


async def test_health_tells_of_files_that_are_left_out(site: Site) -> None:
    (site.context.catalogue.folder("toy").parent / "zapps" / "broken.yaml").write_text("kind: ZApp\n")
    assert "1 broken file is left out" in await seen(site, "admin-token", "admin/health")


async def test_a_users_pages_do_not_lead_to_the_panel(site: Site) -> None:
    assert "admin/" not in await seen(site, "alice-token", "")
    assert "admin/executions" in await seen(site, "admin-token", "")
