"""Executions over HTTP, as a client sees them."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.store.writing import stored
from zoe_hub.model.outlook import Outlook
from zoe_hub.model.plan import Plan
from zoe_hub.store.changes import Granted
from zoe_hub.web.limits import Buckets

from .conftest import OWN, PREFIX, Site, Starter


async def test_a_submission_is_stored_and_answered_with_its_address(alice: httpx.AsyncClient, site: Site) -> None:
    answer = await alice.post("/executions", json={"zapp": "toys", "parameters": {"workers": 3}})
    assert answer.status_code == 202
    execution = answer.json()
    assert answer.headers["Location"] == f"{PREFIX}api/v1/executions/{execution['id']}"
    assert execution["owner"] == "alice"
    assert execution["state"] == "queued"
    assert execution["plan"]["parameters"] == {"workers": 3, "memory": 64 * 2**20, "motto": "hello"}
    assert [(p["key"], p["core"], p["elastic"]) for p in execution["plan"]["processes"]] == [
        ("toy.head", 1, 0),
        ("toy.worker", 1, 2),
    ]
    assert site.wakes
    again = await alice.get(f"/executions/{execution['name']}")
    assert again.json()["id"] == execution["id"]
    assert again.json()["live"] == {"workers": 1}


async def test_no_answer_tells_commands_environments_files_or_secrets(alice: httpx.AsyncClient, start: Starter) -> None:
    text = (await alice.get(f"/executions/{await start()}")).text
    for hidden in ("run-head", "TOKEN", "secret", "private", "frameworks", "definition", "connection"):
        assert hidden not in text


async def test_the_same_key_starts_nothing_twice(alice: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "once"}
    first = await alice.post("/executions", json={"zapp": "toys"}, headers=headers)
    second = await alice.post("/executions", json={"zapp": "toys"}, headers=headers)
    assert first.json()["id"] == second.json()["id"]
    other = await alice.post("/executions", json={"zapp": "toys", "parameters": {"workers": 2}}, headers=headers)
    assert other.status_code == 422
    assert other.json()["type"] == "urn:zoe:problem:KeyReused"
    assert "another request before, which gave toys-1" in other.json()["detail"]
    assert len((await alice.get("/executions")).json()["executions"]) == 1


async def test_a_request_repeated_after_all_has_changed_is_answered_as_before(
    alice: httpx.AsyncClient, site: Site
) -> None:
    assert (await alice.put("/zapps/mine", json=OWN)).is_success
    headers = {"Idempotency-Key": "once"}
    first = await alice.post("/executions", json={"zapp": "mine"}, headers=headers)
    assert first.status_code == 202
    await alice.delete("/zapps/mine")
    again = await alice.post("/executions", json={"zapp": "mine", "parameters": {}}, headers=headers)
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert again.headers["Location"] == first.headers["Location"]


async def test_fifty_requests_with_one_key_at_once(alice: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "once"}
    answers = await asyncio.gather(
        *(alice.post("/executions", json={"zapp": "toys"}, headers=headers) for _ in range(50))
    )
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_two_people_who_scale_at_once_end_in_one_of_their_wishes(
    alice: httpx.AsyncClient, admin: httpx.AsyncClient, start: Starter, site: Site
) -> None:
    execution = await start()
    wishes = [(alice, 3), (admin, 5)] * 5
    answers = await asyncio.gather(
        *(who.patch(f"/executions/{execution}", json={"parameters": {"workers": n}}) for who, n in wishes)
    )
    assert [(a.status_code, a.json()["parameters"]["workers"]) for a in answers] == [(202, n) for _, n in wishes]
    now = (await alice.get(f"/executions/{execution}")).json()
    events = [e for e in await site.context.store.events(execution=execution) if e.kind.value == "execution.scaled"]
    last = events[-1]
    assert {event.data["by"] for event in events} <= {"alice", "admin"}
    assert (last.data["by"], last.data["parameters"]["workers"]) in {("alice", 3), ("admin", 5)}
    assert now["parameters"]["workers"] == last.data["parameters"]["workers"]


async def test_a_change_made_meanwhile_is_not_lost(
    alice: httpx.AsyncClient, start: Starter, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = await start()
    modify, seen = site.context.store.modify, list[object]()

    async def slow(identifier: str, parameters: Any, plan: Any, **kwargs: Any) -> Any:
        if not seen:
            await modify(identifier, {**parameters, "label": "theirs", "workers": 2}, plan, by="bob")
        seen.append(kwargs["read"])
        return await modify(identifier, parameters, plan, **kwargs)

    monkeypatch.setattr(site.context.store, "modify", slow)
    answer = await alice.patch(f"/executions/{execution}", json={"parameters": {"workers": 4}})
    assert answer.status_code == 202
    assert answer.json()["parameters"] == {"label": "theirs", "workers": 4}
    assert len(seen) == 2


async def test_scaling_changes_the_plan_and_nothing_but_counts(alice: httpx.AsyncClient, start: Starter) -> None:
    execution = await start()
    answer = await alice.patch(f"/executions/{execution}", json={"parameters": {"workers": 5}})
    assert answer.status_code == 202
    assert answer.json()["plan"]["processes"][1]["elastic"] == 4
    refused = await alice.patch(f"/executions/{execution}", json={"parameters": {"memory": "128 MiB"}})
    assert refused.status_code == 422
    assert "swap" in refused.json()["detail"]
    wrong = await alice.patch(f"/executions/{execution}", json={"parameters": {"workers": 5000}})
    assert wrong.status_code == 422
    assert wrong.json()["parameter"] == "workers"


async def test_termination_may_be_asked_for_twice(alice: httpx.AsyncClient, start: Starter) -> None:
    execution = await start()
    for _ in range(2):
        answer = await alice.delete(f"/executions/{execution}")
        assert answer.status_code == 202
        assert answer.json()["desired"] == "terminated"


async def test_attaching_and_detaching(alice: httpx.AsyncClient, start: Starter) -> None:
    execution = await start()
    attachment = {"server": "alice/lab", "kernel": "0d6d9f36", "outlive": False}
    assert (await alice.put(f"/executions/{execution}/attachment", json=attachment)).json()["attachment"] == attachment
    listed = await alice.get("/executions", params={"server": "alice/lab"})
    assert [e["id"] for e in listed.json()["executions"]] == [execution]
    assert (await alice.delete(f"/executions/{execution}/attachment")).json()["attachment"] is None
    refused = await alice.put(f"/executions/{execution}/attachment", json={"server": "bob/"})
    assert refused.status_code == 403


@pytest.mark.parametrize("server", ["", "alice", "/", "alice/../bob/", "alice/\u202e", "bob/"])
async def test_a_server_of_somebody_else_or_of_nobody_is_refused(alice: httpx.AsyncClient, server: str) -> None:
    answer = await alice.post("/executions", json={"zapp": "toys", "attachment": {"server": server}})
    assert answer.status_code in (403, 422)


async def test_a_framework_alone_is_refused_with_the_zapps_that_have_it(alice: httpx.AsyncClient) -> None:
    answer = await alice.post("/executions", json={"zapp": "toy"})
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:zoe:problem:NotRunnable"
    assert "toys" in answer.json()["detail"]


async def test_more_than_the_machines_will_ever_have_is_refused(alice: httpx.AsyncClient) -> None:
    answer = await alice.post("/executions", json={"zapp": "toys", "parameters": {"memory": "100 GiB"}})
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:zoe:problem:CapacityExceeded"
    assert "200 GiB" in answer.json()["detail"]
    assert "16 GiB" in answer.json()["detail"]
    larger_than_one = await alice.post("/plans", json={"zapp": "toys", "parameters": {"memory": "7.9 GiB"}})
    assert larger_than_one.status_code == 200
    larger = await alice.post("/plans", json={"zapp": "toys", "parameters": {"memory": "8.1 GiB", "workers": 0}})
    assert larger.status_code == 422
    assert "one: 8 CPU" in larger.json()["detail"]


async def test_a_misspelt_name_is_answered_with_the_nearest(alice: httpx.AsyncClient, start: Starter) -> None:
    answer = await alice.post("/executions", json={"zapp": "tois"})
    assert answer.status_code == 404
    assert "'toys'" in answer.json()["detail"]
    await start(name="flights")
    assert "'flights'" in (await alice.get("/executions/fligths")).json()["detail"]


async def test_a_zapp_of_ones_own_in_the_shop_and_inline(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    assert (await alice.put("/zapps/mine", json=OWN)).status_code == 200
    shop = (await alice.get("/shop")).json()
    assert [(z["name"], z["own"], z["attachable"]) for z in shop["zapps"]] == [
        ("desk-app", False, False),
        ("toys", False, True),
        ("mine", True, True),
    ]
    assert (await alice.post("/executions", json={"zapp": "mine"})).status_code == 202
    assert (await bob.post("/executions", json={"zapp": "mine"})).status_code == 404
    assert (await bob.post("/executions", json={"definition": OWN})).status_code == 202
    assert (await alice.delete("/zapps/mine")).status_code == 204
    assert (await alice.get("/zapps/mine")).status_code == 404
    assert (await alice.put("/zapps/other", json=OWN)).status_code == 422
    assert (await alice.put("/zapps/toys", json={**OWN, "name": "toys"})).status_code == 409
    unknown = {**OWN, "frameworks": [{"framework": "toi"}]}
    assert "'toy'" in (await alice.put("/zapps/mine", json=unknown)).json()["detail"]


async def test_a_service_submits_for_a_user_and_reports_the_users_server(
    service: httpx.AsyncClient, alice: httpx.AsyncClient
) -> None:
    body = {"zapp": "desk-app", "owner": "alice", "attachment": {"server": "alice/"}}
    submitted = await service.post("/executions", json=body)
    assert submitted.status_code == 202
    execution = submitted.json()["id"]
    assert submitted.json()["owner"] == "alice"
    place = f"/executions/{execution}/instances/desk.server/0"
    for state in ("starting", "ready", "stopped"):
        report = {"state": state, "host": "10.0.0.7", "message": f"it is {state}"}
        assert (await service.put(place, json=report)).status_code == 204
        (instance,) = (await alice.get(f"/executions/{execution}")).json()["instances"]
        assert (instance["state"], instance["host"], instance["message"]) == (state, "10.0.0.7", f"it is {state}")
    assert (await alice.put(place, json={"state": "ready"})).status_code == 403
    assert (await alice.delete(f"/executions/{execution}/attachment")).status_code == 409
    assert (await service.put(place[:-1] + "7", json={"state": "ready"})).status_code == 422
    assert (await service.post("/executions", json={"zapp": "toys"})).status_code == 422


async def test_reports_about_what_the_back_end_runs_are_refused(service: httpx.AsyncClient, start: Starter) -> None:
    place = f"/executions/{await start()}/instances/toy.head/0"
    assert (await service.put(place, json={"state": "failed"})).status_code == 422


@pytest.mark.parametrize("more", [{}, {"attachment": {"server": "alice/"}}])
async def test_a_zapp_with_a_server_is_left_to_the_hub(alice: httpx.AsyncClient, more: dict[str, Any]) -> None:
    answer = await alice.post("/executions", json={"zapp": "desk-app", **more})
    assert answer.status_code == 422
    assert "only JupyterHub starts" in answer.json()["detail"]
    assert (await alice.get("/executions")).json()["executions"] == []


async def test_the_owner_gets_the_connection_once_it_runs(alice: httpx.AsyncClient, start: Starter) -> None:
    queued = (await alice.post("/executions", json={"zapp": "toys"})).json()["id"]
    refused = await alice.get(f"/executions/{queued}/connection")
    assert refused.status_code == 409
    assert "queued" in refused.json()["detail"]
    answer = await alice.get(f"/executions/{await start()}/connection")
    assert answer.headers["Cache-Control"] == "no-store"
    (client,) = answer.json()["clients"]
    assert client["connection"]["address"] == "toy://127.0.0.1:7077"
    assert len(client["connection"]["token"]) == 43
    assert client["source"].startswith("def connect")
    (page, deep) = answer.json()["ui"]
    assert page["title"] == "Toy pages"
    assert page["url"].endswith("/ui/toy.head/web/status")
    assert deep["url"].startswith(PREFIX)


async def test_what_the_machines_have_and_what_is_granted(alice: httpx.AsyncClient, start: Starter, site: Site) -> None:
    await stored(site.context.store, Granted(await start(), {"toy.head": 1, "toy.worker": 1}))
    nodes = (await alice.get("/nodes")).json()
    assert [node["name"] for node in nodes["nodes"]] == ["one", "two"]
    assert nodes["capacity"]["cpu"] == 16
    assert nodes["granted"]["cpu"] == 2


async def test_nobody_plans_for_another_and_reads_what_that_one_uses(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    for submission in ({"definition": OWN}, {"zapp": "toys"}):
        refused = await bob.post("/plans", json={**submission, "owner": "alice"})
        assert refused.status_code == 403
        assert "alice" not in refused.json()["detail"]
        assert (await alice.post("/plans", json={**submission, "owner": "alice"})).status_code == 200
        assert (await admin.post("/plans", json={**submission, "owner": "alice"})).status_code == 200


async def test_who_asks_for_many_plans_gets_them_without_outlook(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, site: Site
) -> None:
    asked: list[str] = []

    class Counting:
        async def of_plan(self, owner: str, plan: Plan, groups: tuple[str, ...] = ()) -> Outlook:
            asked.append(owner)
            return Outlook(now=True)

        async def of_waiting(self, executions: object) -> dict[str, Outlook]:
            return {}

    object.__setattr__(site.context, "outlooks", Counting())
    object.__setattr__(site.context, "foreseen", Buckets(rate=0.001, size=2))
    answers = [(await alice.post("/plans", json={"zapp": "toys"})).json()["outlook"] for _ in range(3)]
    assert [answer is not None for answer in answers] == [True, True, False]
    assert (await bob.post("/plans", json={"zapp": "toys"})).json()["outlook"] is not None
    assert asked == ["alice", "alice", "bob"]
