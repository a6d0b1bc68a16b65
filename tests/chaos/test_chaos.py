"""Zoe under kills: a short run with a seed that is always the same, with a new one each time, and with two services."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.chaos.plan import TWO, make_plan
from tests.chaos.run import Run

FIXED = ("2015", 12)
NEW = (str(int(time.time())), 10)
TWO_SERVICES = ("2016" + TWO, 8)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.parametrize(("seed", "kills"), [FIXED, NEW, TWO_SERVICES], ids=["fixed", "new", "two"])
async def test_nothing_is_lost_doubled_or_left(tmp_path: Path, seed: str, kills: int) -> None:
    outcome = await Run(tmp_path, make_plan(seed, kills)).run()
    assert not outcome.violations, "\n".join(
        [f"make chaos SEED={seed} KILLS={kills} repeats this.", *outcome.violations]
    )
    assert outcome.rounds == kills
    assert sum(outcome.accepted.values()) > kills
    assert outcome.started > 0
