"""What a restart is, and what one that goes holds: by histories that are given, not decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from zoe_hub.model.resources import Node, Resources
from zoe_hub.scheduler import methods
from zoe_hub.scheduler.application import Application
from zoe_hub.scheduler.cluster import Cluster
from zoe_hub.scheduler.requests import Demand
from zoe_hub.scheduler.shapes import Shape
from zoe_hub.simulator.engine import Conditions, Outcome, Simulation
from zoe_hub.simulator.jobs import Job, Workload

Step = Callable[[Cluster], None]


class Script:
    """A policy that admits everything at once, and else does what is written for a moment."""

    name = "script"

    def __init__(self, steps: Mapping[float, Step]) -> None:
        self._steps = dict(steps)

    def schedule(self, cluster: Cluster, now: float) -> None:
        for application in cluster.waiting(now):
            cluster.admit(application, now)
        step = self._steps.pop(now, None)
        if step is not None:
            step(cluster)


def job(number: int, core: int, elastic: int, seconds: float, submitted: float = 0.0) -> Job:
    return Job(number, submitted, seconds, (Demand("w", "worker", core, elastic, Shape(cpu=1000)),))


def one(cluster: Cluster, number: int) -> tuple[Application, Demand]:
    application = cluster.applications[f"{number:08d}"]
    return application, application.request.demands[0]


def give(number: int, node: int, now: float) -> Step:
    return lambda cluster: cluster.put(*one(cluster, number), node, now)


def take(number: int, now: float) -> Step:
    return lambda cluster: cluster.reclaim(*one(cluster, number), now)


def both(*steps: Step) -> Step:
    def play(cluster: Cluster) -> None:
        for step in steps:
            step(cluster)

    return play


def played(jobs: list[Job], steps: Mapping[float, Step], **conditions: float) -> Outcome:
    nodes = [Node(name=name, capacity=Resources(cpu=4)) for name in ("one", "two")]
    return Simulation(Workload(jobs, nodes), Script(steps), methods.order("fifo"), Conditions(**conditions)).run()


# 20 component-seconds. With 3 s of restart, 7 of them are done after 5 s. The second one is there to be decided about.
JOBS = [job(0, 1, 1, 10.0), job(1, 1, 0, 1.0, submitted=5.0)]


def test_on_another_node_after_a_decision_it_is_started_anew() -> None:
    outcome = played(JOBS, {0.0: give(0, 0, 0.0), 5.0: both(take(0, 5.0), give(0, 1, 5.0))}, restart=3.0)
    assert outcome.ended[0] == 5 + 3 + (13 - 3) / 2
    assert (outcome.reclaimed, outcome.restarts) == ([1, 0], [1, 0])


def test_on_the_same_node_after_a_decision_it_goes_on() -> None:
    outcome = played(JOBS, {0.0: give(0, 0, 0.0), 5.0: both(take(0, 5.0), give(0, 0, 5.0))}, restart=3.0)
    assert outcome.ended[0] == 5 + 13 / 2
    assert (outcome.reclaimed, outcome.restarts) == ([0, 0], [0, 0])


def test_beside_one_that_goes_another_one_is_started_on_its_node() -> None:
    steps = {0.0: give(0, 0, 0.0), 5.0: both(take(0, 5.0), give(0, 0, 5.0))}
    outcome = played(JOBS, steps, restart=3.0, drain=1.0)
    assert outcome.ended[0] == 5 + 3 + (13 - 3) / 2
    assert (outcome.reclaimed, outcome.restarts) == ([1, 0], [1, 0])


def test_what_is_taken_for_somebody_else_is_a_start_there_and_a_restart_when_it_comes_back() -> None:
    jobs = [job(0, 1, 1, 10.0), job(1, 1, 1, 100.0, submitted=5.0), job(2, 1, 0, 1.0, submitted=6.0)]
    steps = {
        0.0: give(0, 0, 0.0),
        5.0: both(take(0, 5.0), give(1, 0, 5.0)),
        6.0: both(take(1, 6.0), give(0, 0, 6.0)),
    }
    outcome = played(jobs, steps, restart=3.0)
    # 7 are done after 5 s, 8 after 6 s and 11 after 9 s.
    assert outcome.ended[0] == 9 + 9 / 2
    # It was taken back before it had done anything.
    assert outcome.ended[1] == 5 + 200
    assert (outcome.reclaimed, outcome.restarts) == ([1, 1, 0], [1, 0, 0])


def test_what_was_never_taken_back_is_no_restart() -> None:
    outcome = played([job(0, 1, 2, 10.0), *JOBS[1:]], {0.0: give(0, 0, 0.0), 5.0: give(0, 0, 5.0)})
    assert (outcome.reclaimed, outcome.restarts) == ([0, 0], [0, 0])


@pytest.mark.parametrize(("drain", "admitted", "ended"), [(0.0, 1.0, 15.0), (4.0, 5.0, 17.0)])
def test_a_core_waits_until_what_was_taken_back_for_it_has_gone(drain: float, admitted: float, ended: float) -> None:
    workload = Workload([job(0, 2, 2, 10.0), job(1, 2, 0, 10.0, 1.0)], [Node(name="n", capacity=Resources(cpu=4))])
    outcome = Simulation(workload, methods.policy("elastic"), methods.order("fifo"), Conditions(drain=drain)).run()
    assert outcome.admitted == [0.0, admitted]
    # Of 40 component-seconds 4 are done after 1 s. Then the core works alone, until the other's end.
    assert outcome.ended == [ended, admitted + 10]
    assert (outcome.reclaimed, outcome.restarts) == ([2, 0], [2, 0])
