"""Keeps the ordered number of instances of one process: what to start, drain, stop, restart, and when.

For engines that do not do this by themselves. It does no I/O and reads no clock: the back end tells
it what happened (`on_*`), asks what to do (`decide`) and does it. Times are seconds of any clock that
never goes back.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..model.execution import InstanceState
from ..model.framework import Restart, RestartPolicy
from ..scheduler.lifecycle import InstanceEvent, next_instance_state

LONGEST_DELAY = 30.0
"""Seconds up to which the delay between restarts doubles."""

REMEMBERED = 8
"""Moves of an instance that are kept, to be told when one that is illegal is tried."""

ADOPTED_AT_LEAST = 5.0
"""Seconds that a restored instance has to become ready."""


@dataclass
class Replica:
    """One instance, as the keeper sees it. Plain values: a back end may store and restore it."""

    ordinal: int
    state: InstanceState = InstanceState.PENDING
    present: bool = False
    """Something of it is, or may be, at the engine: from the decision to start it until `on_ended`."""
    leaving: bool = False
    """It was told to go."""
    dropped: bool = False
    """It is not ordered any more."""
    again: bool = False
    """It was dropped and ordered again before it was gone."""
    restarts: int = 0
    in_a_row: int = 0
    """Restarts since it was last ready for long enough."""
    was_ready: bool = False
    """It was ready at least once: others may know its address."""
    ready_since: float | None = None
    due: float | None = None
    """When its next start is due."""
    deadline: float | None = None
    """When it must be ready."""
    exit_code: int | None = None
    message: str = ""
    blame: str = ""
    """Why its running start counts as failed."""
    stale: str = ""
    """Why its running start is to be replaced by another one; that is no failure."""
    history: list[str] = field(default_factory=list)
    """Its last moves: when by the keeper's clock, what, why."""


@dataclass(frozen=True)
class Rules:
    """How the instances of a process are treated."""

    restart: Restart = field(default_factory=Restart)
    readiness_timeout: float | None = None
    """Seconds; None: an instance that runs is ready."""
    drains: bool = False


@dataclass(frozen=True)
class Decision:
    """What to do now, by ordinal, and when to ask again."""

    start: tuple[int, ...] = ()
    drain: tuple[int, ...] = ()
    """Drain, then stop."""
    stop: tuple[int, ...] = ()
    changed: tuple[int, ...] = ()
    """Instances whose state changed by the decision."""
    look: float | None = None


class ReplicaKeeper:
    """Decides for all instances of one process of one execution."""

    def __init__(self) -> None:
        self.replicas: dict[int, Replica] = {}
        self._wanted: int | None = None
        self._rules = Rules()
        self._now: float | None = None
        self._changed: set[int] = set()

    def restore(self, replica: Replica, now: float) -> None:
        """Take in an instance that an earlier keeper knew; its clock may have been another one."""
        self._now = now
        replica.leaving = False
        if replica.deadline is not None or replica.blame:
            # Its time may have run out while nobody asked whether it is ready.
            replica.blame = ""
            replica.deadline = max(replica.deadline or now, now + ADOPTED_AT_LEAST)
        if replica.due is not None:
            replica.due = min(replica.due, now + LONGEST_DELAY)
        self.replicas[replica.ordinal] = replica

    def order(self, wanted: int, rules: Rules) -> None:
        """Want the ordinals 0 to `wanted` - 1. The same order again changes nothing."""
        self._wanted = wanted
        self._rules = rules
        for ordinal in range(wanted):
            replica = self.replicas.get(ordinal)
            if replica is None:
                self._renew(ordinal)
            elif replica.dropped:
                replica.dropped = False
                replica.again = replica.state.ended or replica.state is InstanceState.DRAINING
        for ordinal, replica in self.replicas.items():
            if ordinal >= wanted and not replica.dropped:
                replica.dropped = True
                replica.again = False
                if not replica.present and not replica.state.ended:
                    self._move(replica, InstanceEvent.GONE, "it is not wanted any more")

    def replace(self, ordinal: int, reason: str) -> None:
        """End what runs of it and start it again, without counting that. Nothing where it is never restarted."""
        replica = self.replicas[ordinal]
        if replica.present and self._rules.restart.policy is not RestartPolicy.NEVER:
            replica.stale = reason

    def on_started(self, ordinal: int, now: float) -> None:
        """Its process exists."""
        replica = self._at(ordinal, now)
        if replica.leaving or replica.state in (InstanceState.STARTING, InstanceState.READY, InstanceState.DRAINING):
            return
        self._move(replica, InstanceEvent.STARTED)
        if self._rules.readiness_timeout is None:
            self._ready(replica, now)
        else:
            replica.deadline = now + self._rules.readiness_timeout

    def on_ready(self, ordinal: int, now: float) -> None:
        """Its port answers."""
        replica = self._at(ordinal, now)
        if replica.state is InstanceState.STARTING and not replica.leaving:
            self._ready(replica, now)

    def on_not_started(self, ordinal: int, now: float) -> None:
        """The decided start never began, and never will: it is decided again and counts for nothing."""
        replica = self._at(ordinal, now)
        replica.present = False
        if replica.dropped or replica.state is InstanceState.DRAINING:
            self._gone(replica, None)
        elif replica.stale:
            self._replaced(replica, now, None)
        elif replica.leaving:
            self._gone(replica, None)
        elif replica.state is not InstanceState.PENDING:
            self._restart(replica, now, "its start was interrupted")

    def on_said(self, ordinal: int, said: str) -> None:
        """It drains, or is about to start, and says what it waits for."""
        replica = self.replicas[ordinal]
        if replica.state in (InstanceState.DRAINING, InstanceState.PENDING, InstanceState.RESTARTING):
            replica.message = said

    def on_ended(
        self, ordinal: int, now: float, exit_code: int | None, reason: str = "", *, hopeless: bool = False
    ) -> None:
        """Nothing of it is left. No code: nobody knows how it ended. `hopeless`: another start would fail as well."""
        replica = self._at(ordinal, now)
        replica.present = False
        if replica.dropped or replica.state is InstanceState.DRAINING:
            self._gone(replica, exit_code)
            return
        if replica.stale:
            self._replaced(replica, now, exit_code)
            return
        reason = replica.blame or reason or _ending(exit_code)
        succeeded = exit_code == 0 and not replica.blame and not hopeless
        restart = self._rules.restart
        long_ready = replica.ready_since is not None and now - replica.ready_since >= restart.reset
        self._clear(replica)
        replica.exit_code = exit_code
        if long_ready:
            replica.in_a_row = 0
        if self._wanted is None or restart.policy is RestartPolicy.NEVER:
            self._move(replica, InstanceEvent.FINISHED if succeeded else InstanceEvent.GAVE_UP, reason)
        elif succeeded and restart.policy is RestartPolicy.ON_FAILURE:
            self._move(replica, InstanceEvent.FINISHED, reason)
        elif hopeless and not replica.was_ready:
            self._move(replica, InstanceEvent.GAVE_UP, reason)
        elif replica.in_a_row >= restart.limit:
            tried = f"; it was restarted {replica.in_a_row} times in vain" if replica.in_a_row > 1 else ""
            self._move(replica, InstanceEvent.GAVE_UP, reason + tried)
        else:
            delay = min(restart.delay * 2.0 ** min(replica.in_a_row, 60), max(LONGEST_DELAY, restart.delay))
            replica.in_a_row += 1
            self._restart(replica, now + delay, f"{reason}; restart {replica.in_a_row} of {restart.limit} follows")

    def decide(self, now: float) -> Decision:
        """What is to be done. Each start, drain and stop is given once."""
        self._now = now
        start: list[int] = []
        drain: list[int] = []
        stop: list[int] = []
        for ordinal in sorted(self.replicas):
            replica = self.replicas[ordinal]
            if replica.again and not replica.present and not replica.dropped:
                replica = self._renew(ordinal)
            if replica.dropped or replica.state is InstanceState.DRAINING:
                if replica.present and not replica.leaving:
                    gently = self._rules.drains and replica.state in (InstanceState.READY, InstanceState.DRAINING)
                    (drain if gently else stop).append(ordinal)
                    replica.leaving = True
                    replica.deadline = None
                    if replica.state is not InstanceState.DRAINING:
                        self._move(replica, InstanceEvent.DROPPED, "it is not wanted any more")
            elif replica.stale and replica.present:
                if not replica.leaving:
                    replica.leaving = True
                    replica.deadline = None
                    stop.append(ordinal)
            elif self._is_due(replica, now):
                if replica.state is InstanceState.RESTARTING:
                    replica.restarts += 1
                replica.due = None
                replica.present = True
                start.append(ordinal)
            elif replica.deadline is not None and replica.deadline <= now and not replica.leaving:
                replica.leaving = True
                replica.deadline = None
                replica.blame = f"it was not ready within {self._rules.readiness_timeout or 0:g} seconds"
                stop.append(ordinal)
        times = [t for r in self.replicas.values() if not r.dropped for t in (r.due, r.deadline) if t is not None]
        look = min(times) if times and self._wanted is not None else None
        changed = tuple(sorted(self._changed))
        self._changed.clear()
        return Decision(tuple(start), tuple(drain), tuple(stop), changed, look)

    def _is_due(self, replica: Replica, now: float) -> bool:
        if replica.present or self._wanted is None:
            return False
        if replica.state is InstanceState.PENDING:
            return True
        return replica.state is InstanceState.RESTARTING and (replica.due is None or replica.due <= now)

    def _at(self, ordinal: int, now: float) -> Replica:
        self._now = now
        return self.replicas[ordinal]

    def _renew(self, ordinal: int) -> Replica:
        before = self.replicas.get(ordinal)
        if before is not None:
            self._move(before, InstanceEvent.ORDERED)
        self.replicas[ordinal] = replica = Replica(ordinal, history=before.history if before else [])
        self._changed.add(ordinal)
        return replica

    def _ready(self, replica: Replica, now: float) -> None:
        replica.deadline = None
        replica.ready_since = now
        replica.was_ready = True
        self._move(replica, InstanceEvent.BECAME_READY)

    def _restart(self, replica: Replica, due: float, message: str) -> None:
        replica.due = due
        self._move(replica, InstanceEvent.ENDED, message)

    def _replaced(self, replica: Replica, now: float, exit_code: int | None) -> None:
        reason = replica.stale
        self._clear(replica)
        replica.exit_code = exit_code
        self._restart(replica, now, reason)

    def _gone(self, replica: Replica, exit_code: int | None) -> None:
        self._clear(replica)
        replica.exit_code = exit_code
        self._move(replica, InstanceEvent.GONE, "it is not wanted any more")

    @staticmethod
    def _clear(replica: Replica) -> None:
        replica.leaving = False
        replica.blame = replica.stale = ""
        replica.ready_since = replica.deadline = replica.due = None

    def _move(self, replica: Replica, event: InstanceEvent, message: str = "") -> None:
        before, state = replica.state, next_instance_state(replica.state, event, replica.history)
        moment = "" if self._now is None else f"{self._now:.1f} s "
        told = f"{moment}{event.value}: {before.value} to {state.value}{f' ({message})' if message else ''}"
        replica.history = [*replica.history[1 - REMEMBERED :], told]
        if (before, replica.message) != (state, message):
            replica.state = state
            replica.message = message
            self._changed.add(replica.ordinal)


def _ending(exit_code: int | None) -> str:
    if exit_code is None:
        return "it ended, and how is not known"
    if exit_code < 0:
        return f"it was ended by signal {-exit_code}"
    return f"it ended with status {exit_code}"
