from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulator.work import Watch
from zoe_hub.model.quotas import Quotas
from zoe_hub.model.resources import Node, Resources
from zoe_hub.scheduler import methods
from zoe_hub.scheduler.requests import Demand
from zoe_hub.scheduler.shapes import Shape
from zoe_hub.simulator.engine import Conditions, Outcome, Simulation
from zoe_hub.simulator.fixture import EXPECTED, fixture
from zoe_hub.simulator.generator import Settings, generate
from zoe_hub.simulator.jobs import Job, Workload
from zoe_hub.simulator.measures import Spread, summarise
from zoe_hub.simulator.nodes import machines

CASES = [(policy, order) for policy in methods.POLICIES for order in ("fifo", "sjf", "srpt", "hrrn")]


def simulated(workload: Workload, policy: str = "rigid", order: str = "fifo", **conditions: float) -> Outcome:
    return Simulation(workload, methods.policy(policy), methods.order(order), Conditions(**conditions)).run()


def job(number: int, core: int, elastic: int, seconds: float = 10.0, submitted: float = 0.0, **more: bool) -> Job:
    return Job(
        number, submitted, seconds, (Demand("w", "worker", core, elastic, Shape(cpu=1000, memory=2**20)),), **more
    )


def on(cpus: int, *jobs: Job) -> Workload:
    return Workload(jobs, [Node(name="one", capacity=Resources(cpu=cpus, memory=2**30))])


@pytest.mark.parametrize("policy", list(EXPECTED))
def test_the_fixture_comes_to_what_is_worked_out_by_hand(policy: str) -> None:
    assert summarise(simulated(fixture(), policy)).turnaround.mean == pytest.approx(EXPECTED[policy], abs=1e-9)


@pytest.mark.parametrize(("policy", "order"), CASES)
@pytest.mark.parametrize("conditions", [{}, {"restart": 60.0, "error": 0.5}, {"drain": 30.0}], ids=str)
def test_work_done_is_work_asked(policy: str, order: str, conditions: dict[str, float]) -> None:
    workload = generate(Settings(requests=60, interactive=0.1, elastic=0.7, load=1.5), machines(3))
    watch = Watch(workload, conditions.get("restart", 0.0))
    outcome = Simulation(
        workload, methods.policy(policy), methods.order(order), Conditions(**conditions), watch=watch
    ).run()
    assert not any(math.isnan(end) for end in outcome.ended)
    for place, each in enumerate(workload.jobs):
        assert watch.work(each.id, outcome.ended[place]) == pytest.approx(each.seconds * each.components, rel=1e-6)
        assert each.submitted <= outcome.admitted[place] <= outcome.ended[place]
        assert outcome.ended[place] - outcome.admitted[place] >= each.seconds * (1 - 1e-9)


@settings(max_examples=8)
@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 6), st.floats(0, 1e4), st.floats(0, 1e4)).filter(
            lambda drawn: drawn[0] + drawn[1] > 0
        ),
        min_size=1,
        max_size=12,
    )
)
def test_more_is_never_granted_than_there_is(drawn: list[tuple[int, int, float, float]]) -> None:
    jobs = [job(n, c, e, seconds, at) for n, (c, e, seconds, at) in enumerate(sorted(drawn, key=lambda d: d[3]))]
    for policy, order in CASES:
        outcome = simulated(on(10, *jobs), policy, order)
        assert summarise(outcome).unserved == 0
        assert max(outcome.steps.cpu) <= 10_000
        assert outcome.steps.cpu[-1] == 0
        assert outcome.steps.waiting[-1] == 0


def test_an_elastic_instance_works_after_its_restart_cost() -> None:
    # 1 of 4 components for 3 s, then all: 40 component-seconds are left 37 after these.
    assert simulated(on(4, job(0, 1, 3)), restart=3.0).ended == [3 + 37 / 4]
    # Core instances work at once.
    assert simulated(on(4, job(0, 4, 0)), restart=3.0).ended == [10.0]


@pytest.mark.parametrize("policy", list(methods.POLICIES))
def test_what_has_no_core_works_as_soon_as_it_is_granted_something(policy: str) -> None:
    alone = simulated(on(4, job(0, 0, 4)), policy, restart=3.0)
    assert (alone.admitted, alone.ended) == ([0.0], [13.0])
    behind = simulated(on(4, job(0, 4, 0), job(1, 0, 4, 6.0)), policy)
    assert behind.ended == [10.0, 16.0]
    # Its only instance is larger than the node; nobody waits for it for ever.
    large = Job(2, 2.0, 5.0, (Demand("w", "worker", 0, 1, Shape(cpu=5000, memory=1)),))
    outcome = simulated(on(4, job(0, 1, 3), job(1, 1, 0, 6.0, 1.0), large), policy)
    assert [math.isnan(end) for end in outcome.ended] == [False, False, True]
    assert summarise(outcome).unserved == 1


def test_what_has_nothing_to_do_ends_at_once_and_has_no_slowdown() -> None:
    summary = summarise(simulated(on(4, job(0, 0, 4, 0.0), job(1, 1, 0, 2.0)), "flexible", restart=3.0))
    assert (summary.unserved, summary.turnaround.mean) == (0, 1.0)
    assert summary.slowdown.mean == 1.0


def test_what_its_owner_ends_takes_as_long_whatever_is_granted() -> None:
    assert simulated(on(4, job(0, 1, 3, kept=True)), restart=3.0).ended == [10.0]


def test_what_fits_nowhere_is_counted_and_left_out() -> None:
    summary = summarise(simulated(on(4, job(0, 5, 0))))
    assert summary.unserved == 1
    assert math.isnan(summary.turnaround.mean)
    assert summary.document()["turnaround"] == dict.fromkeys(Spread.__dataclass_fields__)


def test_queueing_is_until_the_admission_and_turnaround_until_the_end() -> None:
    summary = summarise(simulated(on(4, job(0, 4, 0), job(1, 4, 0, 30.0, submitted=2.0))))
    assert (summary.queueing.least, summary.queueing.largest) == (0.0, 8.0)
    assert (summary.turnaround.least, summary.turnaround.largest) == (10.0, 38.0)
    assert summary.slowdown.largest == pytest.approx(38 / 30)


def test_quotas_hold_for_each_user() -> None:
    workload = on(8, job(0, 2, 6, submitted=0.0), job(1, 2, 0, submitted=1.0))
    quotas = Quotas.model_validate({"apiVersion": "zoe/v1", "kind": "Quotas", "everybody": {"cpu": 3}})
    limited = Simulation(workload, methods.policy("flexible"), methods.order("fifo"), quotas=quotas).run()
    # 3 of 8 components, and nothing for the second, until the first has ended.
    assert limited.ended == [pytest.approx(80 / 3), pytest.approx(80 / 3 + 10)]
    free = simulated(workload, "flexible")
    assert free.ended[0] == 10.0


def test_an_error_of_the_estimate_changes_no_work() -> None:
    workload = on(4, job(0, 4, 0), job(1, 4, 0, 1.0))
    assert simulated(workload, error=2.0, seed=5).ended == [10.0, 11.0]


def test_allocation_and_line_are_means_over_the_time_of_arrivals() -> None:
    summary = summarise(simulated(on(4, job(0, 4, 0), job(1, 2, 0, 10.0), job(2, 1, 0, 1.0, submitted=20.0))))
    assert (summary.cpu, summary.waiting, summary.longest_line) == (0.75, 0.5, 1)
