"""Bounds between which an execution follows its load."""

from __future__ import annotations

import httpx
import pytest

from .conftest import Site, Starter


async def test_it_follows_its_load_until_somebody_scales_it(alice: httpx.AsyncClient, start: Starter) -> None:
    execution = await start()
    answer = await alice.put(f"/executions/{execution}/adaptation", json={"minimum": 1, "maximum": 3, "hold": "2 min"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["adaptation"] == {"minimum": 1, "maximum": 3, "hold": 120}
    assert (await alice.get(f"/executions/{execution}")).json() == answer.json()
    scaled = (await alice.patch(f"/executions/{execution}", json={"parameters": {"workers": 1}})).json()
    assert (scaled["adaptation"], scaled["adapted"]) == (None, "off, because alice asked for a size")


async def test_a_size_outside_of_the_bounds_is_changed_at_once(alice: httpx.AsyncClient, start: Starter) -> None:
    execution = await start()
    for low, high, size in ((2, 4, 2), (1, 1, 1)):
        body = {"minimum": low, "maximum": high}
        answer = (await alice.put(f"/executions/{execution}/adaptation", json=body)).json()
        assert (answer["parameters"]["workers"], answer["plan"]["parameters"]["workers"]) == (size, size)


async def test_it_may_end_without_another_size(alice: httpx.AsyncClient, start: Starter) -> None:
    execution = await start()
    await alice.put(f"/executions/{execution}/adaptation", json={"minimum": 1, "maximum": 3})
    for _ in range(2):
        answer = await alice.delete(f"/executions/{execution}/adaptation")
        assert (answer.status_code, answer.json()["adaptation"]) == (200, None)
    assert answer.json()["adapted"] == "off, as alice asked"


@pytest.mark.parametrize(
    ("body", "parameter", "sentence"),
    [
        ({"minimum": 3, "maximum": 2}, "minimum", "3 is above the maximum, 2"),
        ({"minimum": 1, "maximum": 5000}, "maximum", "5000 is out of bounds: from 0 to 1000"),
        ({"minimum": 0, "maximum": 3}, "minimum", "The least that would do is 1"),
        ({"minimum": 0, "maximum": 0}, "minimum", "The least that would do is 1"),
        ({"minimum": 1, "maximum": 2, "hold": "soon"}, "hold", "no span of time"),
        ({"minimum": 1, "maximum": 2, "hold": "never"}, "hold", "'never' is no span of time here; write how long"),
        ({"minimum": True, "maximum": 2}, "minimum", "true is no number of workers; give a whole number, such as 4"),
        ({"minimum": 1, "maximum": "2"}, "maximum", "'2' is no number of workers"),
        ({"minimum": 1.0, "maximum": 2}, "minimum", "1.0 is no number of workers"),
        ({"minimum": -1, "maximum": 2}, "minimum", "greater than or equal to 0"),
        ({"minimum": 1}, "maximum", "it is missing"),
    ],
)
async def test_bounds_that_cannot_be_are_refused_by_name(
    alice: httpx.AsyncClient, start: Starter, body: dict[str, object], parameter: str, sentence: str
) -> None:
    execution = await start()
    before = (await alice.get(f"/executions/{execution}")).json()
    answer = await alice.put(f"/executions/{execution}/adaptation", json=body)
    assert answer.status_code == 422
    assert answer.json()["parameter"] == parameter
    assert sentence in answer.json()["detail"]
    assert (await alice.get(f"/executions/{execution}")).json() == before


async def test_what_does_not_say_its_load_cannot_follow_it(site: Site, service: httpx.AsyncClient) -> None:
    body = {"zapp": "desk-app", "owner": "alice", "attachment": {"server": "alice/"}}
    execution = (await service.post("/executions", json=body)).json()["id"]
    answer = await service.put(f"/executions/{execution}/adaptation", json={"minimum": 1, "maximum": 2})
    assert answer.status_code in (400, 422)
    assert "no number of workers that could follow its load" in answer.json()["detail"]


async def test_what_has_ended_follows_nothing(alice: httpx.AsyncClient, start: Starter) -> None:
    execution = await start()
    await alice.delete(f"/executions/{execution}")
    answer = await alice.put(f"/executions/{execution}/adaptation", json={"minimum": 1, "maximum": 2})
    assert answer.status_code == 409


async def test_what_its_owner_expects_is_shown(alice: httpx.AsyncClient) -> None:
    answer = await alice.post("/executions", json={"zapp": "toys", "expected": "2h"})
    assert answer.json()["expected"] == 7200
    assert (await alice.post("/executions", json={"zapp": "toys"})).json()["expected"] is None
    wrong = await alice.post("/executions", json={"zapp": "toys", "expected": "two hours"})
    assert wrong.status_code == 422
