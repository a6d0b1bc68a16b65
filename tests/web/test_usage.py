"""Who held how much, over time."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from tests.store.examples import a_plan
from tests.store.writing import stored
from zoe_hub.model.events import Event, EventKind
from zoe_hub.model.execution import DesiredState, Execution, ExecutionState
from zoe_hub.store.changes import Granted
from zoe_hub.web.usage import Steps, over_time

from .conftest import Site, Starter

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
STEPS = Steps(NOON, NOON + timedelta(hours=4), 4)


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def history(ended: float | None, *grants: tuple[float, int], owner: str = "alice") -> tuple[Execution, list[Event]]:
    plan = a_plan()
    key = plan.processes[0].key
    execution = Execution(
        id=f"x-{owner}",
        owner=owner,
        name="flights",
        zapp="toy",
        parameters={},
        plan=plan,
        desired=DesiredState.RUNNING,
        state=ExecutionState.RUNNING,
        created=at(-5),
        updated=at(0),
        ended=None if ended is None else at(ended),
    )
    events = [
        Event(
            seq=number, time=at(hours), owner=owner, execution=execution.id, kind=EventKind.EXECUTION_GRANTED,
            data={"granted": {key: count}},
        )
        for number, (hours, count) in enumerate(grants)
    ]  # fmt: skip
    return execution, events


def cpu(*histories: tuple[Execution, list[Event]]) -> dict[str, list[float]]:
    one = a_plan().processes[0].resources.cpu
    return {owner: [round(each / one, 6) for each in use.cpu] for owner, use in over_time(histories, STEPS).items()}


@pytest.mark.parametrize(
    ("ended", "grants", "expected"),
    [
        (None, [(-1, 1)], [1, 1, 1, 1]),
        (2, [(-1, 1)], [1, 1, 0, 0]),
        (1.5, [(0.5, 2)], [1, 1, 0, 0]),
        (None, [(-2, 1), (1, 3), (2.5, 0)], [1, 3, 1.5, 0]),
        (None, [(3.75, 4)], [0, 0, 0, 1]),
        (3, [(0, 1), (3.5, 9)], [1, 1, 1, 0]),
    ],
)
def test_each_step_has_its_average(ended: float | None, grants: Any, expected: list[float]) -> None:
    assert cpu(history(ended, *grants)) == {"alice": expected}


def test_owners_are_kept_apart_and_added_up() -> None:
    both = cpu(history(None, (0, 1)), history(None, (2, 1)), history(None, (3, 2), owner="bob"))
    assert both == {"alice": [1, 1, 2, 2], "bob": [0, 0, 0, 2]}


def test_what_held_nothing_is_left_out() -> None:
    assert cpu(history(None), history(-1, (-2, 1)), history(None, (0, 0))) == {}


async def test_an_administrator_is_told_of_everybody(site: Site, start: Starter, admin: httpx.AsyncClient) -> None:
    execution = await start()
    await stored(site.context.store, Granted(execution, {"toy.head": 1, "toy.worker": 1}))
    since = datetime.now(timezone.utc) - timedelta(seconds=5)
    answer = (await admin.get("/usage", params={"steps": 10, "since": since.isoformat()})).json()
    (owner,) = answer["owners"]
    assert (owner["owner"], owner["executions"], len(owner["cpu"])) == ("alice", 1, 10)
    assert owner["cpu"][-1] > 0
    assert owner["cpu"][0] == 0
    assert answer["capacity"]["cpu"] == 16
    assert answer["complete"] is True


@pytest.mark.parametrize(
    "query",
    [
        {"since": "2030-01-01"},
        {"since": "2026-03-02T00:00", "until": "2026-03-01T00:00"},
        {"since": "2020-01-01T00:00", "until": "2021-01-01T00:00"},
        {"since": "0001-01-01T00:00"},
    ],
)
async def test_times_that_make_no_sense_are_refused_in_words(admin: httpx.AsyncClient, query: dict[str, str]) -> None:
    answer = await admin.get("/usage", params=query)
    assert answer.status_code == 422, answer.text
    assert "`since` must be before `until`" in answer.json()["detail"]


async def test_the_first_day_of_the_calendar_is_no_error(admin: httpx.AsyncClient) -> None:
    assert (await admin.get("/usage", params={"until": "0001-01-01T00:00"})).status_code == 422
