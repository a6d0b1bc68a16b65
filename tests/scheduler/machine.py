"""What holds under every policy, whatever happens: a state machine for Hypothesis.

A policy's own promises are invariants of a subclass. Whatever happens is kept, and played again at the end on a new
scheduler, which must decide alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from zoe_hub.model.quotas import Limits, Quotas
from zoe_hub.model.resources import Node, Resources
from zoe_hub.scheduler.allowances import Rules
from zoe_hub.scheduler.cluster import Application
from zoe_hub.scheduler.methods import ORDERS, order, policy
from zoe_hub.scheduler.policies.line import Line
from zoe_hub.scheduler.requests import BATCH, INTERACTIVE, Decision, Demand, Request
from zoe_hub.scheduler.scheduler import Scheduler
from zoe_hub.scheduler.shapes import Shape

GIB = 1024**3

SHAPES = st.builds(
    lambda cpu, memory, gpu: Shape(cpu * 500, memory * GIB, gpu),
    st.integers(0, 5),
    st.integers(0, 5),
    st.sampled_from((0, 0, 0, 1)),
)
DEMANDS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), SHAPES), min_size=1, max_size=3).map(
    lambda drawn: tuple(Demand(f"d{n}", "worker", core, elastic, s) for n, (core, elastic, s) in enumerate(drawn))
)
SIZES = st.sampled_from((None, 0.0, 10.0, 100.0, 1000.0))
USERS = st.sampled_from((("alice", ("students",)), ("bob", ("students", "staff")), ("admin", ())))
CAPACITIES = st.builds(
    lambda cpu, memory, gpu: Resources(cpu=cpu, memory=memory * GIB, gpu=gpu),
    st.integers(0, 8),
    st.integers(0, 10),
    st.sampled_from((0, 0, 1, 2)),
)
LIMITS = st.builds(Limits, cpu=st.none() | st.integers(0, 6), instances=st.none() | st.integers(0, 8))
SECONDS = st.sampled_from((0.0, 1.0, 30.0, 500.0, 8 * 86400.0))
"""The last one is longer than anybody is to wait."""
PICKS = st.integers(0, 30)


class Happenings:
    """A scheduler, and what can happen to it. The same calls have the same effect on a new one."""

    def __init__(self, policy_name: str, order_name: str, *, at_once: bool) -> None:
        self.scheduler = Scheduler(policy(policy_name), order(order_name), at_once=at_once)
        self.cluster = self.scheduler.cluster
        self.nodes: dict[str, Resources] = {}
        self.now = 0.0
        self._number = 0

    def node(self, name: str, capacity: Resources | None) -> None:
        """It comes, changes, or goes."""
        if capacity is None:
            self.nodes.pop(name, None)
        else:
            self.nodes[name] = capacity
        self.scheduler.set_nodes([Node(name=each, capacity=self.nodes[each]) for each in sorted(self.nodes)], self.now)

    def arrive(
        self, user: tuple[str, tuple[str, ...]], demands: tuple[Demand, ...], size: float | None, priority: int
    ) -> None:
        self._number += 1
        id = f"a{self._number:04}"
        self.scheduler.submit(Request(id, user[0], self.now, demands, priority, size, user[1]))

    def leave(self, pick: int) -> None:
        self.scheduler.leave(self._picked(pick).id, self.now)

    def end(self, pick: int) -> None:
        self.scheduler.end(self._picked(pick).id)

    def resize(self, pick: int, core: int | None, elastic: int) -> None:
        old = self._picked(pick).wish
        wished = tuple(replace(d, core=d.core if core is None else core, elastic=elastic) for d in old.demands)
        self.scheduler.change(replace(old, demands=wished), self.now)

    def gone(self, pick: int, count: int) -> None:
        for application in self.cluster.applications.values():
            for key, going in application.going.items():
                if going and pick % 2 == 0:
                    self.scheduler.gone(application.id, key, min(count, len(going)))
                pick //= 2

    def quotas(self, everybody: Limits, students: Limits, staff: Limits) -> None:
        groups = {"students": {"together": students}, "staff": {"each": staff}}
        said = {"apiVersion": "zoe/v1", "kind": "Quotas", "everybody": everybody, "groups": groups}
        self.scheduler.set_quotas(Rules(Quotas.model_validate(said)), {}, self.now)

    def decide(self, seconds: float) -> list[Decision]:
        self.now += seconds
        return self.scheduler.decide(self.now)

    def _picked(self, pick: int) -> Application:
        live = [each for each in self.cluster.applications.values() if each.request.of is None]
        return live[pick % len(live)]


class SchedulerMachine(RuleBasedStateMachine):
    """Subclasses name a policy of `methods.POLICIES`, and say whether it may take elastic instances back."""

    policy: ClassVar[str]
    takes: ClassVar[bool] = False

    @initialize(order=st.sampled_from(sorted(ORDERS)), at_once=st.booleans(), nodes=st.lists(CAPACITIES, max_size=4))
    def begin(self, order: str, at_once: bool, nodes: list[Resources]) -> None:
        self._options = {"policy_name": self.policy, "order_name": order, "at_once": at_once}
        self.run = Happenings(**self._options)  # type: ignore[arg-type]
        self._line = Line()
        self._happened: list[tuple[str, tuple[Any, ...]]] = []
        self._decided: list[Any] = []
        for number, capacity in enumerate(nodes):
            self._do("node", f"n{number}", capacity)

    @rule(user=USERS, demands=DEMANDS, size=SIZES, priority=st.sampled_from((BATCH, BATCH, INTERACTIVE)))
    def something_arrives(
        self, user: tuple[str, tuple[str, ...]], demands: tuple[Demand, ...], size: float | None, priority: int
    ) -> None:
        self._do("arrive", user, demands, size, priority)
        self._decide()

    @precondition(lambda self: self.run.cluster.applications)
    @rule(pick=PICKS)
    def something_ends(self, pick: int) -> None:
        self._do("end", pick)
        self._decide()

    @precondition(lambda self: self.run.cluster.applications)
    @rule(pick=PICKS)
    def something_is_ending(self, pick: int) -> None:
        self._do("leave", pick)
        self._decide()

    @precondition(lambda self: self.run.cluster.applications)
    @rule(pick=PICKS, core=st.none() | st.integers(0, 4), elastic=st.integers(0, 6))
    def an_owner_wishes_another_size(self, pick: int, core: int | None, elastic: int) -> None:
        self._do("resize", pick, core, elastic)
        self._decide()

    @rule(pick=st.integers(0, 255), count=st.integers(1, 4))
    def what_was_taken_back_goes(self, pick: int, count: int) -> None:
        self._do("gone", pick, count)
        self._decide()

    @rule(number=st.integers(0, 4), capacity=CAPACITIES)
    def a_node_comes_or_changes(self, number: int, capacity: Resources) -> None:
        self._do("node", f"n{number}", capacity)
        self._decide()

    @precondition(lambda self: self.run.nodes)
    @rule(pick=PICKS)
    def a_node_goes(self, pick: int) -> None:
        self._do("node", sorted(self.run.nodes)[pick % len(self.run.nodes)], None)
        self._decide()

    @rule(everybody=LIMITS, students=LIMITS, staff=LIMITS)
    def quotas_change(self, everybody: Limits, students: Limits, staff: Limits) -> None:
        self._do("quotas", everybody, students, staff)
        self._decide()

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        self._decide(seconds)

    def teardown(self) -> None:
        """The same input gives the same decisions."""
        if hasattr(self, "run"):
            again = Happenings(**self._options)  # type: ignore[arg-type]
            assert [getattr(again, name)(*given) for name, given in self._happened] == self._decided

    def _do(self, name: str, *given: Any) -> Any:
        self._happened.append((name, given))
        self._decided.append(getattr(self.run, name)(*given))
        return self._decided[-1]

    def _decide(self, seconds: float = 0.0) -> None:
        cluster = self.run.cluster
        before = {each.id: each.granted for each in cluster.applications.values()}
        used = self._used()
        served = {each.id for each in cluster.applications.values() if each.served}
        decisions: list[Decision] = self._do("decide", seconds)
        assert self._do("decide", 0.0) == [], "a second call at the same moment changes nothing"
        self.check_books()
        self._check_line()
        self._check_nodes(used)
        for decision in decisions:
            application = cluster.applications[decision.id]
            core = {demand.key: demand.core for demand in application.request.demands}
            assert decision.granted == {key: max(core[key], held) for key, held in application.granted.items()}
            assert decision.admitted
        for application in cluster.applications.values():
            self._check(application, application.id in served, before[application.id])

    def _used(self) -> dict[str, Shape]:
        """What is on each node by what applications hold and what is still going."""
        used = {name: Shape() for name in self.run.nodes}
        names = sorted(self.run.nodes)
        for application in self.run.cluster.applications.values():
            for demand in application.request.demands:
                for node in [*application.placed[demand.key], *application.going.get(demand.key, ())]:
                    used[names[node]] = used[names[node]].plus(demand.shape)
        return used

    def _check_nodes(self, before: Mapping[str, Shape]) -> None:
        """No decision puts more on a node than it has; what is on one that shrank may stay."""
        for name, used in self._used().items():
            for had, now, there in zip(before[name], used, Shape.of(self.run.nodes[name]), strict=True):
                assert now <= max(had, there), f"{name} holds {used}"

    def check_books(self) -> None:
        """What is free is what nobody holds."""
        room = self.run.cluster.room
        free, going = list(room.capacities), dict[int, Shape]()
        for application in self.run.cluster.applications.values():
            for demand in application.request.demands:
                for node in application.placed[demand.key]:
                    free[node] = free[node].plus(demand.shape, -1)
                for node in application.going.get(demand.key, ()):
                    going[node] = going.get(node, Shape()).plus(demand.shape)
        assert (room.free, room.going) == (free, {node: each for node, each in going.items() if any(each)})

    def _check_line(self) -> None:
        """What is looked at again only where something changed is what looking at everything finds."""
        cluster, now = self.run.cluster, self.run.now
        self._line.refresh(cluster, now)
        serving = cluster.serving(now)
        assert list(self._line.waiting(cluster, now)) == cluster.waiting(now)
        assert self._line.short(cluster, now) == [each for each in serving if each.lacking > 0]
        assert self._line.elastic(cluster, now) == [each for each in serving if each.elastic > 0]

    def _check(self, application: Application, served: bool, before: Mapping[str, int]) -> None:
        grew = False
        for demand in application.request.demands:
            held = len(application.placed[demand.key])
            assert held <= demand.core + demand.elastic, "nobody holds more than was wished"
            assert held >= min(before[demand.key], demand.core), "core instances are never taken back"
            assert self.takes or held >= before[demand.key], "this policy takes nothing back"
            # A core that is placed again was granted before.
            if held > before[demand.key] and not (served and held <= demand.core):
                grew = True
                over = self.run.cluster.accounts.over(application.request.party, demand.shape)
                assert not over, "nobody is granted more than the quotas allow"
            if not served and application.served:
                assert held >= demand.core, "the core is placed as a whole"
        assert application.served or not any(application.placed.values()), "who waits holds nothing"
        assert not (grew and application.leaving), "who is ending gets nothing more"
