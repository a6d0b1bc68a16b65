"""Quotas over REST: set by administrators, kept on every road, seen by their users."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.store.writing import stored
from zoe_hub.client import problems
from zoe_hub.model.errors import QuotaExceeded, ServiceUnavailable
from zoe_hub.model.quotas import GroupLimits, Limits
from zoe_hub.quota_file import QuotaFile
from zoe_hub.scheduler.allowances import Subject
from zoe_hub.store.changes import Granted
from zoe_hub.store.quotas import QuotaSource
from zoe_hub.store.sql import SQLStore
from zoe_hub.web import Caller, StaticIdentities

from .conftest import CALLERS, Site, Starter, client_of, serve

EVERYBODY, STAFF = Subject("everybody", ""), Subject("group", "staff")


def uses(view: dict[str, Any]) -> dict[str, tuple[float | None, float]]:
    return {use["dimension"]: (use["limit"], use["used"]) for use in view["uses"]}


async def test_a_refusal_says_everything_in_a_sentence_and_in_numbers(
    site: Site, start: Starter, alice: httpx.AsyncClient
) -> None:
    await start(parameters={"workers": 3})
    await site.context.store.put_quota(EVERYBODY, Limits(cpu=1))
    answer = await alice.post("/executions", json={"zapp": "toys", "parameters": {"workers": 2}})
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["type"] == "urn:zoe:problem:QuotaExceeded"
    assert problem["detail"] == (
        "toys-2 asks for 2 CPU, which is more than your quota of 1 CPU. Ask for less, or ask an administrator for more."
    )
    assert problem["quota"] == {
        "subject": "user alice",
        "dimension": "cpu",
        "limit": 1,
        "source": "everybody",
        "used": 2,
        "asked": 2,
        "by": [{"execution": "toys-1", "used": 2}],
        "others": 0,
    }
    error = problems.to_error(409, problem)
    assert isinstance(error, QuotaExceeded)
    assert error.quota["limit"] == 1


async def test_hundred_at_once_by_all_roads(site: Site, service: httpx.AsyncClient, alice: httpx.AsyncClient) -> None:
    """A notebook attaches, the spawner starts servers, somebody uses REST: the group has nine in all."""
    await site.context.store.put_quota(STAFF, GroupLimits(together=Limits(executions=9)))
    here = {"server": "alice/"}
    bodies = [
        (alice, {"zapp": "toys"}),
        (alice, {"zapp": "toys", "attachment": {**here, "kernel": "k1"}}),
        (service, {"zapp": "desk-app", "owner": "alice", "attachment": here}),
    ]
    wishes = [client.post("/executions", json=body) for n in range(100) for client, body in [bodies[n % 3]]]
    answers = await asyncio.gather(*wishes)
    assert sorted(answer.status_code for answer in answers) == [202] * 9 + [409] * 91
    refused = {answer.json()["detail"] for answer in answers if answer.status_code == 409}
    assert all(detail.startswith("The quota of 9 executions of the group staff is used by") for detail in refused)


async def test_a_user_sees_what_may_be_had_and_what_uses_it(
    site: Site, start: Starter, alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    store = site.context.store
    execution = await start(name="mine")
    await stored(store, Granted(execution, {"toy.head": 1, "toy.worker": 3}))
    await store.put_quota(EVERYBODY, Limits(cpu=8, memory="1 GiB"))
    await store.put_quota(STAFF, GroupLimits(each=Limits(cpu=16), together=Limits(cpu=64)))
    view = (await alice.get("/quota")).json()
    assert (view["user"], view["groups"]) == ("alice", ["staff"])
    assert uses(view["own"])["cpu"] == (16, 4)
    assert uses(view["own"])["memory"] == (2**30, 4 * 64 * 2**20)
    assert uses(view["own"])["gpu"] == (None, 0)
    (cpu,) = [use for use in view["own"]["uses"] if use["dimension"] == "cpu"]
    assert (cpu["source"], cpu["by"]) == ("group staff", [{"user": "alice", "execution": "mine", "used": 4}])
    assert [(its["name"], uses(its)["cpu"]) for its in view["together"]] == [("staff", (64, 4))]
    other = (await bob.get("/quota")).json()
    assert uses(other["own"])["cpu"] == (8, 0)
    assert other["together"] == []


async def test_of_other_members_only_the_sum_is_told(site: Site, start: Starter, admin: httpx.AsyncClient) -> None:
    await site.context.store.put_quota(STAFF, GroupLimits(together=Limits(cpu=64)))
    await start(name="secret-plan")
    callers = {**CALLERS, "erin-token": Caller("erin", CALLERS["bob-token"].scopes, groups=("staff",))}
    context = dataclasses.replace(site.context, identities=StaticIdentities(callers))
    async with serve(context) as (url, feed):
        there = dataclasses.replace(site, url=url, feed=feed, context=context)
        async with client_of(there, "erin-token") as erin:
            view = (await erin.get("/quota")).json()
    (cpu,) = [use for use in view["together"][0]["uses"] if use["dimension"] == "cpu"]
    assert cpu["by"] == [{"user": "", "execution": "", "used": 2}]
    assert "secret-plan" not in str(view)
    assert "alice" not in str(view)
    view = (await admin.get("/quotas/groups/staff")).json()
    assert "secret-plan" in str(view["use"])


async def test_administrators_set_quotas_and_the_audit_trail_tells(
    site: Site, admin: httpx.AsyncClient, alice: httpx.AsyncClient
) -> None:
    entry = (await admin.put("/quotas/users/alice", json={"cpu": 2, "memory": "1 GiB"})).json()
    assert entry == {
        "kind": "user",
        "name": "alice",
        "source": "stored",
        "limits": {"cpu": 2.0, "memory": 2**30},
        "hides_file": False,
        "unread": [],
    }
    wrong = await admin.put("/quotas/users/alice", json={"cpu": "many"})
    assert wrong.status_code == 422
    assert "write a number that is not negative, or unlimited" in wrong.json()["detail"]
    assert uses((await alice.get("/quota")).json()["own"])["cpu"] == (2, 0)
    assert (await admin.delete("/quotas/users/alice")).status_code == 204
    assert (await admin.delete("/quotas/users/alice")).status_code == 404
    assert uses((await alice.get("/quota")).json()["own"])["cpu"] == (None, 0)
    lines = (await admin.get("/audit")).json()["lines"]
    assert [(line["action"], line["target"], line["outcome"]) for line in reversed(lines)][:2] == [
        ("put_users_quota", "alice", "done"),
        ("put_users_quota", "alice", "refused"),
    ]
    assert {"delete_users_quota"} <= {line["action"] for line in lines}


async def test_what_is_stored_takes_the_place_of_what_the_file_says(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "quotas.yaml"
    path.write_text("apiVersion: zoe/v1\nkind: Quotas\nusers: {alice: {cpu: 4, gpu: 1}, bob: {cpu: 1}}\n")
    file = QuotaFile(path)
    store = SQLStore(f"sqlite:///{tmp_path / 'other.db'}", quotas=QuotaSource(file.quotas))
    await store.open()
    context = dataclasses.replace(site.context, store=store, quota_file=file)
    async with serve(context) as (url, feed):
        there = dataclasses.replace(site, url=url, feed=feed, context=context)
        async with client_of(there, "admin-token") as admin, client_of(there, "alice-token") as alice:
            assert uses((await alice.get("/quota")).json()["own"])["gpu"] == (1, 0)
            await admin.put("/quotas/users/alice", json={"cpu": 9})
            assert uses((await alice.get("/quota")).json()["own"])["gpu"] == (None, 0)
            path.write_text("apiVersion: zoe/v1\nkind: Quotas\nusers: {alice: [\n\n")
            view = (await admin.get("/quotas")).json()
            assert [(e["name"], e["source"], e["hides_file"]) for e in view["quotas"]] == [
                ("alice", "stored", True),
                ("bob", "file", False),
            ]
            assert view["file"] == str(path)
            assert f"{path}:" in view["problem"]
    await store.close()


async def test_where_groups_cannot_be_known_nothing_is_started_past_a_groups_quota(
    site: Site, service: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unknown(user: str) -> tuple[str, ...]:
        raise ServiceUnavailable("give it the scope")

    monkeypatch.setattr(site.context.identities, "groups_of", unknown)
    body = {"zapp": "toys", "owner": "alice"}
    assert (await service.post("/executions", json=body)).status_code == 202
    await site.context.store.put_quota(STAFF, GroupLimits(together=Limits(cpu=64)))
    assert (await service.post("/executions", json=body)).status_code == 503


async def test_scaling_says_the_same(site: Site, start: Starter, alice: httpx.AsyncClient) -> None:
    execution = await start(name="mine")
    await site.context.store.put_quota(EVERYBODY, Limits(cpu_hours=0))
    answer = await alice.patch(f"/executions/{execution}", json={"parameters": {"workers": 5}})
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("Your quota of 0 CPU hours in 30 days is used up")
    fewer = await alice.patch(f"/executions/{execution}", json={"parameters": {"workers": 0}})
    assert fewer.status_code == 202
