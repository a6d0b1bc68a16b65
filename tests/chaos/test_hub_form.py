"""Around a real Hub: the Hub, its proxy, a user server, the service and an instance are killed, each once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.hub_plan import HubKind, make_hub_plan
from tests.chaos.hub_run import HubRun
from tests.spawner.hub import find_proxy

SEED = "2015.hub"
pytestmark = [pytest.mark.hub, pytest.mark.slow, pytest.mark.timeout(400)]


def test_the_plan_of_a_seed_is_the_same_twice() -> None:
    assert make_hub_plan(SEED, 40) == make_hub_plan(SEED, 40)
    assert make_hub_plan(SEED, 40)[:5] == make_hub_plan(SEED, 5)
    assert {round_.kind for round_ in make_hub_plan(SEED, 5)} == set(HubKind)


@pytest.mark.skipif(find_proxy() is None, reason="needs configurable-http-proxy")
async def test_everything_around_a_hub_may_be_killed(tmp_path: Path) -> None:
    outcome = await HubRun(tmp_path, SEED, make_hub_plan(SEED, len(HubKind))).run()
    assert not outcome.violations, "\n".join(outcome.violations)
    assert set(outcome.kills) == {kind.value for kind in HubKind}
