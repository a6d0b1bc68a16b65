"""Zoe under kills: a short run with a seed that is always the same, and one with a new seed each time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.chaos.plan import make_plan
from tests.chaos.run import Run

FIXED = ("2015", 18)
NEW = (str(int(time.time())), 12)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.mark.parametrize(("seed", "kills"), [FIXED, NEW], ids=["fixed", "new"])
async def test_nothing_is_lost_doubled_or_left(tmp_path: Path, seed: str, kills: int) -> None:
    outcome = await Run(tmp_path, make_plan(seed, kills)).run()
    assert not outcome.violations, "\n".join(
        [f"make chaos SEED={seed} KILLS={kills} repeats this.", *outcome.violations]
    )
    assert outcome.rounds == kills
    assert sum(outcome.accepted.values()) > kills
    assert outcome.started > 0
