"""Zoe under kills: a short run with a seed that is always the same, with a new one each time, and with two services."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.chaos.plan import TWO, Action, Kill, Kind, Plan, Round, make_plan
from tests.chaos.run import Run

FIXED = ("2015", 12)
NEW = (str(int(time.time())), 10)
TWO_SERVICES = ("2016" + TWO, 8)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class LateDeath(Run):
    """Its service dies while clients wait for answers after the last kill."""

    async def _storm(self) -> None:
        self._start_missing(Kill(Kind.WRITE, after=0, number=20, moment="before"))
        for round_ in self.plan.rounds:
            await self._begin(round_)


@pytest.mark.parametrize(("seed", "kills"), [FIXED, NEW, TWO_SERVICES], ids=["fixed", "new", "two"])
async def test_nothing_is_lost_doubled_or_left(tmp_path: Path, seed: str, kills: int) -> None:
    outcome = await Run(tmp_path, make_plan(seed, kills)).run()
    assert not outcome.violations, "\n".join(
        [f"make chaos SEED={seed} KILLS={kills} repeats this.", *outcome.violations]
    )
    assert outcome.rounds == kills
    assert sum(outcome.accepted.values()) > kills
    assert outcome.started > 0


async def test_a_service_that_dies_late_is_started_again(tmp_path: Path) -> None:
    cluster = Action("submit", 0, "alice", "cells", parameters=(("workers", 1),))
    sizes = [Action("scale", 0, "alice", parameters=(("workers", 1 + n % 2),)) for n in range(20)]
    plan = Plan("late", (Round((cluster, *sizes), Kill(Kind.PAUSE, after=0)),), ())
    outcome = await LateDeath(tmp_path, plan).run()
    assert not outcome.violations
    assert sum(outcome.accepted.values()) == 21
