"""What a start would take, told before anything is started."""

from __future__ import annotations

import httpx
import pytest

from tests.store.writing import stored
from tests.web.conftest import Site, Starter
from zoe_hub.model.outlook import Outlook
from zoe_hub.model.plan import Plan
from zoe_hub.model.quotas import Limits
from zoe_hub.scheduler.allowances import Subject
from zoe_hub.store.changes import Granted
from zoe_hub.web.limits import Buckets


class Foreseeing:
    """Foresees the same for everybody."""

    def __init__(self, outlook: Outlook) -> None:
        self.outlook = outlook

    async def of_plan(self, owner: str, plan: Plan, groups: tuple[str, ...] = ()) -> Outlook:
        return self.outlook

    async def of_waiting(self, executions: object) -> dict[str, Outlook]:
        return {}


def foreseeing(site: Site, outlook: Outlook, size: int = 30) -> None:
    object.__setattr__(site.context, "outlooks", Foreseeing(outlook))
    object.__setattr__(site.context, "foreseen", Buckets(rate=0.001, size=size))


async def preview_of(client: httpx.AsyncClient, **parameters: object) -> dict[str, object]:
    answer = await client.post("/plans", json={"zapp": "toys", "parameters": parameters})
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()["preview"]
    return found


async def test_it_says_what_is_needed_and_whether_it_starts(site: Site, alice: httpx.AsyncClient) -> None:
    foreseeing(site, Outlook(now=True))
    found = await preview_of(alice, workers=3)
    assert found["needs"] == "Needs 2 CPU, 128 MiB to start, and takes up to 4 CPU, 256 MiB."
    assert (found["outlook"], found["starts_now"], found["costs"]) == ("Starts now.", True, [])
    assert (await preview_of(alice, workers=0))["needs"] == "Needs 1 CPU, 64 MiB."
    foreseeing(site, Outlook(now=False, reason="3 CPU are missing.", wait=90))
    waits = await preview_of(alice)
    assert waits["starts_now"] is False
    assert waits["outlook"] == "Would have to wait in the queue: 3 CPU are missing. It starts in about 90 seconds."


async def test_it_says_what_is_left_of_a_quota(site: Site, start: Starter, alice: httpx.AsyncClient) -> None:
    foreseeing(site, Outlook(now=True))
    running = await start()
    await stored(site.context.store, Granted(running, {"toy.head": 1, "toy.worker": 1}))
    await site.context.store.put_quota(Subject("user", "alice"), Limits(cpu=5, memory=2**30, executions=2))
    # A user by name comes before everybody; of others nothing is said.
    await site.context.store.put_quota(Subject("everybody", ""), Limits(gpu=1))
    costs = (await preview_of(alice))["costs"]
    assert isinstance(costs, list)
    assert [cost["sentence"] for cost in costs] == [
        "Takes 2 CPU; 1 CPU stay free in your quota of 5 CPU.",
        "Takes 128 MiB; 768 MiB stay free in your quota of 1 GiB of memory.",
        "Takes 1 execution, all that is left in your quota of 2 executions.",
    ]
    assert (costs[0]["takes"], costs[0]["left"], costs[0]["limit"]) == (2, 3, 5)
    await site.context.store.put_quota(Subject("user", "alice"), Limits(cpu=3))
    (cost,) = (await preview_of(alice))["costs"]  # type: ignore[misc]
    assert cost["too_much"]
    assert cost["sentence"] == "Too much for your quota of 3 CPU: it takes 2 CPU, and 1 CPU are left."
    # A difference that is rounded away is told exactly.
    await site.context.store.put_quota(Subject("user", "alice"), Limits(memory=2**28 - 2**20))
    (cost,) = (await preview_of(alice))["costs"]  # type: ignore[misc]
    assert cost["sentence"].endswith("it takes 128 MiB, and 127 MiB are left.")
    await site.context.store.put_quota(Subject("user", "alice"), Limits(memory=2**28 - 1))
    (cost,) = (await preview_of(alice))["costs"]  # type: ignore[misc]
    assert cost["sentence"].endswith("it takes 128 MiB, and 134217727 B are left.")


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        (Limits(executions=1), "Your quota of 1 execution is used by"),
        (Limits(executions=0), "Your quota"),
        (Limits(cpu=1), "which is more than your quota of 1 CPU"),
        (Limits(instances=1), "which is more than your quota of 1 instance"),
        (Limits(cpu_hours=0), "CPU hours"),
    ],
)
async def test_what_would_be_refused_is_said_to_be(
    limits: Limits, why: str, site: Site, start: Starter, alice: httpx.AsyncClient
) -> None:
    """Neither to start now nor to wait: the start itself says no."""
    foreseeing(site, Outlook(now=True))
    await start()
    await site.context.store.put_quota(Subject("user", "alice"), limits)
    found = await preview_of(alice)
    assert found["starts_now"] is False
    assert str(found["outlook"]).startswith("Would be refused: ")
    assert why in str(found["outlook"])
    refused = await alice.post("/executions", json={"zapp": "toys"})
    assert refused.status_code == 409
    # Hours that are used grow meanwhile.
    assert refused.json()["detail"].replace("toys-2", "toys").split(" (")[0] in str(found["outlook"])


async def test_hours_are_told_as_what_is_left(site: Site, alice: httpx.AsyncClient) -> None:
    foreseeing(site, Outlook(now=False, reason="its owner has no hours left"))
    await site.context.store.put_quota(Subject("user", "alice"), Limits(cpu_hours=7, window=86_400))
    (cost,) = (await preview_of(alice))["costs"]  # type: ignore[misc]
    assert not cost["too_much"]
    assert cost["sentence"] == "7 CPU hours are left in your quota of 7 CPU hours in 24 hours."


async def test_who_asks_for_many_is_told_what_they_need_only(site: Site, alice: httpx.AsyncClient) -> None:
    foreseeing(site, Outlook(now=True), size=1)
    await site.context.store.put_quota(Subject("user", "alice"), Limits(cpu=5))
    assert (await preview_of(alice))["costs"]
    found = await preview_of(alice)
    assert found == {"outlook": "", "starts_now": False, "needs": "Needs 2 CPU, 128 MiB.", "costs": []}


async def test_a_running_one_has_no_preview(site: Site, start: Starter, alice: httpx.AsyncClient) -> None:
    assert (await alice.get(f"/executions/{await start()}")).json()["plan"]["preview"] is None
