from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from zoe_hub.backends.replicas import REMEMBERED, Decision, ReplicaKeeper, Rules
from zoe_hub.model.errors import IllegalTransition
from zoe_hub.model.execution import InstanceState as I
from zoe_hub.model.framework import Restart, RestartPolicy
from zoe_hub.scheduler.lifecycle import check_instance

DRAINING = Rules(drains=True)


def running(replicas: int, rules: Rules = Rules()) -> ReplicaKeeper:  # noqa: B008  # frozen
    """A keeper whose instances all run."""
    keeper = ReplicaKeeper()
    keeper.order(replicas, rules)
    for ordinal in keeper.decide(0).start:
        keeper.on_started(ordinal, 0)
    return keeper


def test_an_order_starts_every_ordinal_once() -> None:
    keeper = ReplicaKeeper()
    keeper.order(3, Rules())
    assert keeper.decide(0) == Decision(start=(0, 1, 2), changed=(0, 1, 2))
    keeper.order(3, Rules())
    assert keeper.decide(0) == Decision()


def test_scaling_down_drains_what_is_ready_and_stops_what_is_not() -> None:
    keeper = ReplicaKeeper()
    keeper.order(3, Rules(drains=True, readiness_timeout=10))
    keeper.decide(0)
    for ordinal in range(3):
        keeper.on_started(ordinal, 0)
    keeper.on_ready(1, 1)
    keeper.order(1, Rules(drains=True, readiness_timeout=10))
    decision = keeper.decide(2)
    assert (decision.drain, decision.stop) == ((1,), (2,))
    assert keeper.decide(2).drain == ()


def test_without_drain_scaling_down_stops() -> None:
    keeper = running(2)
    keeper.order(1, Rules())
    assert keeper.decide(0).stop == (1,)


def test_what_is_replaced_is_ended_and_started_again_and_that_counts_for_nothing() -> None:
    rules = Rules(restart=Restart(limit=0), drains=True)
    keeper = running(2, rules)
    keeper.replace(1, "moved")
    keeper.replace(1, "moved")
    decision = keeper.decide(1)
    assert (decision.stop, decision.drain) == ((1,), ())
    assert keeper.decide(1) == Decision()
    keeper.on_ended(1, 2, -15)
    assert (keeper.replicas[1].state, keeper.replicas[1].message) == (I.RESTARTING, "moved")
    assert keeper.decide(2).start == (1,)
    keeper.on_started(1, 2)
    assert keeper.replicas[1].state is I.READY
    keeper.on_ended(1, 3, -9)
    assert keeper.replicas[1].state is I.FAILED


def test_what_is_replaced_before_it_began_is_started_again() -> None:
    keeper = ReplicaKeeper()
    keeper.order(1, Rules())
    keeper.decide(0)
    keeper.replace(0, "moved")
    keeper.decide(0)
    keeper.on_not_started(0, 0)
    assert keeper.decide(0).start == (0,)


def test_what_is_not_wanted_any_more_is_not_replaced() -> None:
    keeper = running(1)
    keeper.replace(0, "moved")
    keeper.order(0, Rules())
    assert keeper.decide(0).stop == (0,)
    keeper.on_ended(0, 1, -15)
    assert keeper.replicas[0].state is I.STOPPED
    assert keeper.decide(1).start == ()


def test_what_is_never_restarted_is_not_replaced() -> None:
    keeper = running(1, Rules(restart=Restart(policy=RestartPolicy.NEVER)))
    keeper.decide(0)
    keeper.replace(0, "moved")
    assert keeper.decide(0) == Decision()


def test_an_instance_that_waits_for_its_restart_is_stopped_without_a_command() -> None:
    keeper = running(1)
    keeper.on_ended(0, 0, 1)
    keeper.order(0, Rules())
    decision = keeper.decide(0)
    assert (decision.drain, decision.stop, decision.look) == ((), (), None)
    assert keeper.replicas[0].state is I.STOPPED


def test_ordered_again_while_draining_it_is_started_when_it_is_gone() -> None:
    keeper = running(1, DRAINING)
    keeper.order(0, DRAINING)
    assert keeper.decide(0).drain == (0,)
    keeper.order(1, DRAINING)
    assert keeper.decide(0).start == ()
    keeper.on_ended(0, 1, 0)
    assert keeper.replicas[0].state is I.STOPPED
    assert keeper.decide(1).start == (0,)


def test_one_that_was_given_up_gets_another_chance_after_scaling_down_and_up() -> None:
    rules = Rules(Restart(policy=RestartPolicy.NEVER))
    keeper = running(1, rules)
    keeper.on_ended(0, 0, 1)
    assert keeper.replicas[0].state is I.FAILED
    keeper.order(1, rules)
    assert keeper.decide(0).start == ()
    keeper.order(0, rules)
    keeper.order(1, rules)
    assert keeper.decide(0).start == (0,)
    assert keeper.replicas[0].restarts == 0


def test_delays_double_up_to_thirty_seconds() -> None:
    keeper = running(1, Rules(Restart(limit=9, delay=1)))
    now, delays = 0.0, []
    for _ in range(7):
        keeper.on_ended(0, now, 1)
        look = keeper.decide(now).look
        assert look is not None
        assert keeper.decide(look - 0.01).start == ()
        delays.append(look - now)
        now = look
        assert keeper.decide(now).start == (0,)
        keeper.on_started(0, now)
    assert delays == [1, 2, 4, 8, 16, 30, 30]


def test_the_limit_counts_restarts_in_a_row() -> None:
    rules = Rules(Restart(limit=1, delay=0, reset=60))
    keeper = running(1, rules)
    keeper.on_ended(0, 59, 1)
    assert keeper.decide(59).start == (0,)
    keeper.on_started(0, 59)
    keeper.on_ended(0, 59 + 60, 1)
    assert keeper.replicas[0].restarts == 1
    assert keeper.decide(120).start == (0,)
    keeper.on_started(0, 120)
    keeper.on_ended(0, 121, 1)
    assert keeper.replicas[0].state is I.FAILED
    assert keeper.replicas[0].restarts == 2


@pytest.mark.parametrize(
    ("policy", "code", "state"),
    [
        (RestartPolicy.ALWAYS, 0, I.RESTARTING),
        (RestartPolicy.ALWAYS, 1, I.RESTARTING),
        (RestartPolicy.ON_FAILURE, 0, I.STOPPED),
        (RestartPolicy.ON_FAILURE, -9, I.RESTARTING),
        (RestartPolicy.ON_FAILURE, None, I.RESTARTING),
        (RestartPolicy.NEVER, 0, I.STOPPED),
        (RestartPolicy.NEVER, 1, I.FAILED),
        (RestartPolicy.NEVER, None, I.FAILED),
    ],
)
def test_policies(policy: RestartPolicy, code: int | None, state: I) -> None:
    keeper = running(1, Rules(Restart(policy=policy)))
    keeper.on_ended(0, 1, code)
    assert keeper.replicas[0].state is state
    assert keeper.replicas[0].exit_code == code


def test_a_start_that_is_not_ready_in_time_fails_whatever_its_status() -> None:
    rules = Rules(Restart(policy=RestartPolicy.ON_FAILURE, limit=0), readiness_timeout=5)
    keeper = ReplicaKeeper()
    keeper.order(1, rules)
    keeper.decide(0)
    keeper.on_started(0, 1)
    assert keeper.decide(1).look == 6
    assert keeper.decide(6).stop == (0,)
    keeper.on_ready(0, 6)
    keeper.on_ended(0, 7, 0)
    assert keeper.replicas[0].state is I.FAILED
    assert "not ready within 5 seconds" in keeper.replicas[0].message


def test_what_can_never_start_is_given_up_at_once_unless_it_was_ready_before() -> None:
    keeper = running(1, Rules(readiness_timeout=5))
    keeper.on_ended(0, 0, 127, "no such program", hopeless=True)
    assert keeper.replicas[0].state is I.FAILED
    keeper = running(1)
    keeper.on_ended(0, 0, 127, "no such program", hopeless=True)
    assert keeper.replicas[0].state is I.RESTARTING


def test_an_interrupted_start_counts_for_nothing() -> None:
    keeper = ReplicaKeeper()
    keeper.order(1, Rules())
    assert keeper.decide(0).start == (0,)
    keeper.on_not_started(0, 1)
    assert keeper.decide(1).start == (0,)
    assert keeper.replicas[0].restarts == 0


def test_without_an_order_nothing_is_started() -> None:
    keeper = running(1)
    other = ReplicaKeeper()
    other.restore(keeper.replicas[0], 0)
    other.on_ended(0, 0, 1)
    assert other.decide(1000) == Decision(changed=(0,))
    assert other.replicas[0].state is I.FAILED


def test_an_illegal_move_tells_the_last_ones() -> None:
    keeper = running(1)
    replica = keeper.replicas[0]
    keeper.on_ended(0, 7.5, 1)
    replica.state = I.STOPPED
    with pytest.raises(IllegalTransition, match="stopped cannot take ended") as caught:
        keeper.on_not_started(0, 9)
    assert any("7.5 s ended: ready to restarting (it ended with status 1" in move for move in caught.value.history)


def test_few_moves_are_remembered() -> None:
    keeper = running(1, Rules(restart=Restart(limit=100, delay=0)))
    for n in range(50):
        keeper.on_ended(0, n, 1)
        keeper.decide(n)
        keeper.on_started(0, n)
    assert len(keeper.replicas[0].history) == REMEMBERED
    assert keeper.replicas[0].history[-1] == "49.0 s became_ready: starting to ready"


class AnyHistory(RuleBasedStateMachine):
    """Whatever happens at the engine, in whatever order."""

    @initialize(
        limit=st.integers(0, 3),
        policy=st.sampled_from(RestartPolicy),
        drains=st.booleans(),
        timeout=st.sampled_from([None, 5.0]),
    )
    def begin(self, limit: int, policy: RestartPolicy, drains: bool, timeout: float | None) -> None:
        self.treatment = Rules(Restart(policy=policy, limit=limit, delay=1, reset=10), timeout, drains)
        self.keeper = ReplicaKeeper()
        self.now = 0.0
        self.wanted = 0
        self.alive: set[int] = set()
        self.begun: set[int] = set()
        self.told: set[int] = set()
        self.states: dict[int, I] = {}
        self.keeper.order(0, self.treatment)

    def act(self) -> None:
        self.look_at_states()
        decision = self.keeper.decide(self.now)
        self.look_at_states()
        for ordinal in decision.start:
            assert ordinal not in self.alive, "started twice"
            assert ordinal < self.wanted
            self.alive.add(ordinal)
        for ordinal in (*decision.drain, *decision.stop):
            assert ordinal in self.alive
            assert ordinal not in self.told, "told twice"
            self.told.add(ordinal)
        assert decision.look is None or decision.look > self.now

    def look_at_states(self) -> None:
        for ordinal, replica in self.keeper.replicas.items():
            if ordinal in self.states:
                check_instance(self.states[ordinal], replica.state)
            self.states[ordinal] = replica.state

    @rule(replicas=st.integers(0, 3))
    def order(self, replicas: int) -> None:
        self.wanted = replicas
        self.keeper.order(replicas, self.treatment)
        self.act()

    @rule(seconds=st.sampled_from([0.5, 1.0, 4.0, 20.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.act()

    @precondition(lambda self: self.alive - self.begun)
    @rule(data=st.data())
    def start(self, data: st.DataObject) -> None:
        ordinal = data.draw(st.sampled_from(sorted(self.alive - self.begun)))
        self.begun.add(ordinal)
        self.keeper.on_started(ordinal, self.now)
        self.act()

    @precondition(lambda self: self.begun)
    @rule(data=st.data())
    def ready(self, data: st.DataObject) -> None:
        self.keeper.on_ready(data.draw(st.sampled_from(sorted(self.begun))), self.now)
        self.act()

    @precondition(lambda self: self.alive)
    @rule(data=st.data(), code=st.sampled_from([0, 1, -9, None]), begins=st.booleans())
    def end(self, data: st.DataObject, code: int | None, begins: bool) -> None:
        ordinal = data.draw(st.sampled_from(sorted(self.alive)))
        for known in (self.alive, self.begun, self.told):
            known.discard(ordinal)
        if begins:
            self.keeper.on_ended(ordinal, self.now, code)
        else:
            self.keeper.on_not_started(ordinal, self.now)
        self.act()

    @rule()
    def restart_the_service(self) -> None:
        old, self.keeper = self.keeper, ReplicaKeeper()
        for replica in old.replicas.values():
            self.keeper.restore(replica, self.now)
        self.told.clear()
        self.keeper.order(self.wanted, self.treatment)
        self.act()

    @invariant()
    def nobody_is_forgotten(self) -> None:
        if not hasattr(self, "keeper"):
            return
        for ordinal, replica in self.keeper.replicas.items():
            assert replica.present == (ordinal in self.alive)
            assert replica.in_a_row <= self.treatment.restart.limit
            if ordinal < self.wanted:
                assert replica.present or replica.state.ended or replica.due is not None
            else:
                assert ordinal in self.told if replica.present else replica.state.ended


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(
    max_examples=80, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
