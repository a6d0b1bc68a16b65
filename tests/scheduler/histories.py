"""Histories of a cluster, made by Hypothesis, and how to play them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from zoe_hub.model.quotas import Limits, Quotas
from zoe_hub.model.resources import Node, Resources
from zoe_hub.scheduler.allowances import Rules
from zoe_hub.scheduler.requests import Decision, Demand, Request
from zoe_hub.scheduler.scheduler import Scheduler
from zoe_hub.scheduler.shapes import Shape

GIB = 2**30
KINDS = ("submit", "submit", "submit", "end", "end", "pass", "gone", "leave", "core", "nodes", "elastic", "quotas")


@dataclass(frozen=True)
class Step:
    """Something that happens. `pick` says to which application, `request` what is submitted or wished."""

    kind: str
    pick: int
    seconds: float
    request: Request
    nodes: tuple[tuple[int, int, int], ...] = ()
    rules: Rules = field(default_factory=Rules)


def shapes() -> st.SearchStrategy[Shape]:
    return st.builds(
        lambda cpu, memory, gpu: Shape(cpu * 500, memory * GIB, gpu),
        st.integers(0, 6),
        st.integers(0, 6),
        st.sampled_from((0, 0, 0, 1)),
    )


def demands(*, elastic: int = 4) -> st.SearchStrategy[tuple[Demand, ...]]:
    one = st.tuples(st.integers(0, 3), st.integers(0, elastic), shapes())
    return st.lists(one, min_size=1, max_size=2).map(
        lambda all_: tuple(
            Demand(f"d{n}", "worker", max(core, int(n == 0)), e, s) for n, (core, e, s) in enumerate(all_)
        )
    )


def requests(*, elastic: int = 4) -> st.SearchStrategy[Request]:
    return st.builds(
        lambda user, demands, priority, size: Request("", user[0], 0.0, demands, priority, size, user[1], user[2]),
        st.sampled_from((("alice", ("students",), 1.0), ("bob", ("students", "staff"), 1.0), ("admin", (), 3.0))),
        demands(elastic=elastic),
        st.sampled_from((0, 0, 10)),
        st.sampled_from((None, 10.0, 100.0, 1000.0)),
    )


def rules() -> st.SearchStrategy[Rules]:
    limits = st.builds(Limits, cpu=st.none() | st.integers(0, 6), instances=st.none() | st.integers(0, 8))
    return st.builds(
        lambda every, students, staff: Rules(
            Quotas.model_validate(
                {
                    "apiVersion": "zoe/v1",
                    "kind": "Quotas",
                    "everybody": every,
                    "groups": {"students": {"together": students}, "staff": {"each": staff}},
                }
            )
        ),
        limits,
        limits,
        limits,
    )


def capacities() -> st.SearchStrategy[tuple[tuple[int, int, int], ...]]:
    one = st.tuples(st.integers(0, 6), st.integers(0, 8), st.sampled_from((0, 0, 1, 2)))
    return st.lists(one, min_size=1, max_size=4).map(tuple)


def steps(*, kinds: tuple[str, ...] = KINDS, elastic: int = 4) -> st.SearchStrategy[list[Step]]:
    one = st.builds(
        Step,
        kind=st.sampled_from(kinds),
        pick=st.integers(0, 30),
        seconds=st.sampled_from((0.0, 0.0, 1.0, 30.0, 60.0, 500.0)),
        request=requests(elastic=elastic),
        nodes=capacities(),
        rules=rules(),
    )
    return st.lists(one, min_size=1, max_size=25)


@dataclass
class Player:
    """Plays steps on a scheduler; decides after each."""

    scheduler: Scheduler
    now: float = 0.0
    number: int = 0
    decided: list[list[Decision]] = field(default_factory=list)

    def set_nodes(self, nodes: tuple[tuple[int, int, int], ...]) -> None:
        made = [
            Node(name=f"n{n}", capacity=Resources(cpu=cpu, memory=memory * GIB, gpu=gpu))
            for n, (cpu, memory, gpu) in enumerate(nodes)
        ]
        self.scheduler.set_nodes(made, self.now)

    def play(self, steps: list[Step], check: Callable[[], None] | None = None) -> list[list[Decision]]:
        for step in steps:
            self.do(step)
            self.decided.append(self.scheduler.decide(self.now))
            if check:
                check()
        return self.decided

    def do(self, step: Step) -> None:
        self.now += step.seconds
        scheduler = self.scheduler
        live = sorted(id for id, each in scheduler.cluster.applications.items() if each.request.of is None)
        if step.kind == "submit" or not live:
            self.number += 1
            scheduler.submit(replace(step.request, id=f"a{self.number:03}", submitted=self.now))
            return
        application = scheduler.cluster.applications[live[step.pick % len(live)]]
        if step.kind == "end":
            scheduler.end(application.id)
        elif step.kind == "leave":
            scheduler.leave(application.id, self.now)
        elif step.kind == "gone":
            for each in list(scheduler.cluster.applications.values()):
                for key, going in each.going.items():
                    if going:
                        scheduler.gone(each.id, key, 1 + step.pick % len(going))
        elif step.kind == "nodes":
            self.set_nodes(step.nodes)
        elif step.kind == "quotas":
            self.scheduler.set_quotas(step.rules, {}, self.now)
        elif step.kind in ("core", "elastic"):
            old = application.wish
            wished = [replace(d, **{step.kind: (getattr(d, step.kind) + step.pick) % 5}) for d in old.demands]
            scheduler.change(replace(old, demands=tuple(wished)), self.now)
