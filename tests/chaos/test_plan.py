"""What a seed stands for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.chaos.__main__ import runs
from tests.chaos.plan import CAPACITY, OF_SERVICE, STRETCH, Kind, make_plan, stretches


def test_the_plan_of_a_seed_is_the_same_twice_and_in_another_process() -> None:
    assert make_plan("7", 60) == make_plan("7", 60)
    assert make_plan("7", 60) != make_plan("8", 60)
    program = "from tests.chaos.plan import make_plan; print(make_plan('7', 60))"
    environment = {"PYTHONHASHSEED": "1", "PYTHONPATH": ":".join(sys.path)}
    other = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == str(make_plan("7", 60))


def test_a_shorter_run_is_the_beginning_of_a_longer_one() -> None:
    assert make_plan("7", 60).rounds[:20] == make_plan("7", 20).rounds


def test_each_stretch_of_a_long_run_can_be_run_alone() -> None:
    plans = stretches("7", 2 * STRETCH + 5)
    assert [(plan.seed, len(plan.rounds)) for plan in plans] == [("7", STRETCH), ("7.1.two", STRETCH), ("7.2", 5)]
    assert stretches("7.1.two", STRETCH) == [plans[1]]
    assert [plan.services for plan in plans] == [1, 2, 1]


def test_a_stretch_alone_is_the_whole_of_its_kills_and_a_long_run_has_a_hub(tmp_path: Path) -> None:
    def made(seed: str, kills: int) -> list[tuple[str, int]]:
        return [(name, count) for name, count, _ in runs(seed, kills, tmp_path / f"{seed}-{kills}")]

    assert made("7.2", STRETCH) == [("7.2", STRETCH)]
    assert made("7", 250) == [("7", 100), ("7.1.two", 100), ("7.2", 40), ("7.hub", 10)]
    assert made("7.hub", 10) == [("7.hub", 10)]


def test_every_kind_of_kill_and_every_wish_is_drawn() -> None:
    plan = make_plan("7", 300)
    assert {round_.kill.kind for round_ in plan.rounds} == set(Kind)
    verbs = {action.verb for round_ in plan.rounds for action in round_.actions}
    assert verbs == {"submit", "again", "scale", "rival", "detach", "attach", "terminate"}
    assert {round_.kill.moment for round_ in plan.rounds} >= {"before", "within", "after"}


def test_the_service_is_told_its_own_death() -> None:
    plan = make_plan("7", 60)
    number = next(n for n, round_ in enumerate(plan.rounds) if round_.kill.kind not in OF_SERVICE)
    death = plan.death(number)
    assert death is not None
    assert death.kind in OF_SERVICE
    assert death is next(r.kill for r in plan.rounds[number:] if r.kill.kind in OF_SERVICE)


def test_what_is_left_at_last_fits() -> None:
    for seed in range(40):
        plan = make_plan(str(seed), 30)
        wished: dict[int, int] = {}
        for action in [action for round_ in plan.rounds for action in round_.actions] + list(plan.calm):
            size = dict(action.parameters).get("workers")
            if action.verb == "submit" and action.zapp in ("cells", "shaky"):
                wished[action.target] = 1 + int(size or 0)
            elif action.verb in ("scale", "rival"):
                wished[action.target] = 1 + max(int(size or 0), action.rival)
            elif action.verb == "terminate":
                del wished[action.target]
        assert sum(wished.values()) <= CAPACITY
