"""The scheduler in step with what is stored: executions and nodes in, changes to be stored out. No I/O, no clock."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ..model.execution import DesiredState, Execution, ExecutionState
from ..model.outlook import Outlook
from ..model.resources import Node
from ..scheduler import estimates, reasons
from ..scheduler.cluster import Application, Cluster
from ..scheduler.methods import order, policy
from ..scheduler.quotas import InForce
from ..scheduler.requests import Decision, Request
from ..scheduler.scheduler import Scheduler
from ..store.changes import Change
from . import steps

EXPLAINED = 10
"""How many of the line have the reason for which they wait kept up to date in the store. The others' is stored once;
their place is found out when somebody asks."""


def default_scheduler() -> Scheduler:
    """What an administrator who says nothing gets."""
    return Scheduler(policy("elastic"), order("fifo"))


class Scheduling:
    """Keeps one `Scheduler` for one term of leadership.

    It believes what is stored: where that is not what was decided, the stored state counts. `forget` makes it start
    from there altogether.
    """

    def __init__(self, make: Callable[[], Scheduler], weights: Mapping[str, float] | None = None) -> None:
        self._make = make
        self._weights = weights or {}
        self._asked_at = dict[str, float]()
        """When larger cores were asked for that wait: what is stored says only when something was changed last."""
        self.forget()

    def forget(self) -> None:
        """Take everything in anew by the next `update`, because what was decided could not be stored."""
        self._scheduler = self._make()
        self._nodes: tuple[Node, ...] | None = None
        self._quotas: InForce | None = None
        self._known = dict[str, Execution]()
        self._requests = dict[str, Request]()
        self._given = dict[str, Counter[str]]()
        self._short = dict[str, str]()
        self._refused = set[str]()
        """Whose sentence in `_short` names a quota."""
        self._asked = set[str]()
        self._foreseen: tuple[dict[str, int], dict[str, float]] | None = None
        self._news = True
        self.spoilt = False
        """What was foreseen last is not to be, and this one believes it: it is good for nothing more."""
        self._decided_at = -math.inf
        self.due: float | None = None
        """When `decide` may have something to say although nothing is new; None: never."""

    @property
    def cluster(self) -> Cluster:
        """For reading."""
        return self._scheduler.cluster

    @property
    def going(self) -> bool:
        """Whether something was taken back that is not gone yet."""
        return any(any(application.going.values()) for application in self.cluster.applications.values())

    def update(
        self,
        live: Iterable[Execution],
        nodes: Sequence[Node],
        now: float,
        running: Mapping[tuple[str, str], int] | None = None,
        quotas: InForce | None = None,
    ) -> None:
        """These are all live executions and all nodes.

        `running` are instances that the engine itself knows to be there, by execution and process: what it was told
        to start and has not reported yet holds room, too.
        """
        self._foreseen = None
        if tuple(nodes) != self._nodes:
            self._nodes, self._news = tuple(nodes), True
            self._scheduler.set_nodes(nodes, now)
        seen = set()
        for execution in live:
            seen.add(execution.id)
            if self._known.get(execution.id) is not execution:
                if execution.plan.lost:
                    self._take_in_lost(execution, now)
                else:
                    self._take_in(execution, now)
                self._known[execution.id] = execution
        for name in self._known.keys() - seen:
            self._drop(name)
        for application in list(self.cluster.applications.values()):
            if application.going:
                self._let_go(application, running or {})
        if quotas is not None and quotas != self._quotas:
            self._quotas, self._news = quotas, True
            self._scheduler.set_quotas(quotas.rules, quotas.spent, now)
        self._asked_at = {id: core.request.submitted for id, core in self._scheduler.waiting_cores.items()}

    def decide(self, now: float) -> list[Change]:
        """What is to be stored now. Nothing where nothing is new, and nothing due."""
        # A clock that was set back makes all that is due far away.
        if self._news or now < self._decided_at or (self.due is not None and self.due <= now):
            self._news, self._decided_at = False, now
            changes = [*self._carried_out(self._scheduler.decide(now)), *self._line(now)]
            self._look_again_at_quotas()
            self.due = self._scheduler.due(now)
        else:
            changes = []
        return [*changes, *self._kept_explained()]

    def request(self, execution: Execution) -> Request:
        """The execution as the scheduler sees it."""
        return steps.request(execution, self._weights)

    def foresee(self, request: Request, now: float) -> Outlook:
        """What would come of this request. Nothing is left of it, unless this one is `spoilt` afterwards."""
        going = _going(self.cluster)
        self._scheduler.submit(request)
        self._foreseen = None
        found, others = self._foreseen_of(request, now)
        self._scheduler.end(request.id)
        self._foreseen = None
        self.spoilt = others or going != _going(self.cluster)
        return found

    def _foreseen_of(self, request: Request, now: float) -> tuple[Outlook, bool]:
        """And whether something was decided about others."""
        before = reasons.going(self.cluster)
        refusal = self.cluster.refusal(self.cluster.applications[request.id])
        if refusal is not None:
            return Outlook(now=False, ahead=0, reason=str(refusal)), False
        decisions = {decision.id: decision for decision in self._scheduler.decide(now)}
        others = bool(decisions.keys() - {request.id})
        if request.id in decisions:
            granted = dict(decisions[request.id].granted)
            reason = self._why_short(request, granted, {}, reasons.START)
            return Outlook(now=True, granted=granted, reason=reason), others
        found = self.expected([request.id], now)[request.id]
        given = reasons.going(self.cluster)
        if given and not before:
            # Nobody has yet: it is asked what would be.
            found = found.model_copy(update={"reason": found.reason.replace("gave back", "will give back")})
        return found, others

    def expected(self, names: Iterable[str], now: float) -> dict[str, Outlook]:
        """What those of them that wait may expect, as of the last `update`."""
        if self._foreseen is None:
            places = {application.id: ahead for ahead, application in enumerate(self.cluster.waiting(now))}
            self._foreseen = places, estimates.waits(self.cluster, now)
        places, waits = self._foreseen
        found = {}
        for name in names:
            application = self.cluster.applications.get(name)
            if application is not None and not application.served and not application.leaving:
                ahead = places.get(name, 0)
                found[name] = Outlook(
                    now=False,
                    ahead=ahead,
                    reason=reasons.why_waiting(self.cluster, application, ahead),
                    wait=_about(waits.get(name)),
                )
        return found

    def _take_in(self, execution: Execution, now: float) -> None:
        leaving = execution.desired is DesiredState.TERMINATED or execution.state in steps.GOING
        admitted = execution.state is not ExecutionState.QUEUED
        application = self.cluster.applications.get(execution.id)
        request = self._wish(execution)
        if application is not None and not _agrees(application, execution, admitted):
            self._drop(execution.id)
            application = None
        if application is None:
            if admitted or not leaving:
                self._submit(execution, request, admitted, now)
            if admitted and leaving:
                self._short.pop(execution.id, None)
                self._scheduler.leave(execution.id, now)
            return
        if request != application.wish:
            self._scheduler.change(request, now, execution.updated.timestamp())
            self._given.pop(execution.id, None)
            self._asked.add(execution.id)
            self._news = True
        if leaving and not admitted:
            self._drop(execution.id)
        elif leaving and not application.leaving:
            self._short.pop(execution.id, None)
            self._scheduler.leave(execution.id, now)
            self._news = True

    def _wish(self, execution: Execution) -> Request:
        """Its request, the one of before where nothing of what it says has changed."""
        before, known = self._requests.get(execution.id), self._known.get(execution.id)
        if before is None or known is None or _said(known) != _said(execution) or known.plan is not execution.plan:
            before = self._requests[execution.id] = self.request(execution)
        return before

    def _take_in_lost(self, execution: Execution, now: float) -> None:
        """What runs by a plan that cannot be read goes on, and gets nothing more: its room and its quota are taken."""
        request = steps.lost_request(execution)
        application = self.cluster.applications.get(execution.id)
        if application is not None and application.wish == request:
            return
        self._drop(execution.id)
        if request is not None:
            self._news = True
            admitted_at, hosts = steps.admitted_at(execution), steps.lost_hosts(execution)
            self._scheduler.submit(request, admitted_at=admitted_at, hosts=hosts)

    def _submit(self, execution: Execution, request: Request, admitted: bool, now: float) -> None:
        self._news = True
        if not admitted:
            self._scheduler.submit(request)
            return
        granted, present = steps.granted(execution), steps.present(execution)
        hosts: dict[str, list[str]] = {}
        for instance in sorted(execution.instances, key=lambda instance: instance.ordinal):
            hosts.setdefault(instance.process, []).append(instance.host or "")
        asked_at = self._asked_at.get(execution.id, execution.updated.timestamp())
        self._scheduler.submit(
            request,
            admitted_at=steps.admitted_at(execution),
            granted=granted,
            hosts=hosts,
            going={key: max(0, present[key] - count) for key, count in granted.items()},
            asked_at=asked_at,
        )
        if any(granted[demand.key] > demand.core + demand.elastic for demand in request.demands):
            # A smaller size was stored, and whoever led then came no further: what is too much is taken back now.
            self._scheduler.change(request, now, asked_at)
        if execution.state in (ExecutionState.STARTING, ExecutionState.RUNNING):
            self._short[execution.id] = execution.reason
        if not self._short.get(execution.id):
            self._short[execution.id] = self._why_short(request, granted, {}, reasons.START)

    def _drop(self, name: str) -> None:
        self._known.pop(name, None)
        self._requests.pop(name, None)
        self._given.pop(name, None)
        self._short.pop(name, None)
        self._refused.discard(name)
        if name in self.cluster.applications:
            self._scheduler.end(name)
            self._news = True

    def _let_go(self, application: Application, running: Mapping[tuple[str, str], int]) -> None:
        present = steps.present(self._known[application.id])
        for demand in application.request.demands:
            held, left = len(application.placed[demand.key]), len(application.going.get(demand.key, ()))
            there = max(present[demand.key], running.get((application.id, demand.key), 0))
            if there - held < left:
                self._scheduler.gone(application.id, demand.key, left - max(0, there - held))
                self._news = True

    def _carried_out(self, decisions: Sequence[Decision]) -> Iterator[Change]:
        line = any(not a.served and not a.leaving for a in self.cluster.applications.values())
        starts = line or any(self._known[d.id].state is ExecutionState.QUEUED for d in decisions)
        cause = reasons.START if starts else reasons.SHARE
        for decision in decisions:
            execution = self._known[decision.id]
            request = self.cluster.applications[decision.id].wish
            granted = {d.key: decision.granted.get(d.key, 0) for d in request.demands}
            given = self._given.setdefault(decision.id, Counter())
            served = execution.state is not ExecutionState.QUEUED
            for demand in request.demands if served else ():
                before = execution.granted.get(demand.key, demand.core)
                given[demand.key] = max(0, given[demand.key] + before - granted[demand.key])
            short = decision.reason or self._why_short(request, granted, given, cause)
            self._short[decision.id] = short
            # What its owner asked for needs no explanation beyond the execution's own.
            told = reasons.what_changed(request, execution.granted, granted, short) if served else short
            told = "" if decision.id in self._asked else told
            yield from steps.carry_out(execution, Decision(decision.id, True, granted, short), told)
        for name in self._asked.intersection(self._short) - {decision.id for decision in decisions}:
            application = self.cluster.applications[name]
            self._short[name] = self._why_short(application.wish, application.granted, {}, cause)
        self._asked.clear()

    def _why_short(self, request: Request, granted: Mapping[str, int], given: Mapping[str, int], cause: str) -> str:
        application = self.cluster.applications.get(request.id)
        core = self._scheduler.waiting_cores.get(request.id)
        if core is not None:
            return reasons.why_short(request, granted, {}, reasons.why_waiting(self.cluster, core, 0), in_line=True)
        refusal = self.cluster.refusal(application) if application is not None and application.served else None
        return reasons.why_short(request, granted, given, cause, refusal)

    def _look_again_at_quotas(self) -> None:
        """Who has less than it wishes for a quota is told what that is now, and who uses it: not what was then."""
        for name, reason in self._short.items():
            application = self.cluster.applications.get(name)
            if not reason or application is None or name in self._scheduler.waiting_cores:
                continue
            refused = self.cluster.refusal(application) is not None
            if refused or name in self._refused:
                given = self._given.get(name) or Counter()
                self._short[name] = self._why_short(application.wish, application.granted, given, reasons.SHARE)
                (self._refused.add if refused else self._refused.discard)(name)

    def _line(self, now: float) -> Iterator[Change]:
        line = self.cluster.waiting(now)
        hindered = [a for a in self.cluster.applications.values() if not a.served and not self.cluster.in_line(a)]
        for ahead, application in enumerate((*line, *(a for a in hindered if not a.leaving))):
            if application.request.of is not None:
                self._say_why_core_waits(application, ahead)
                continue
            execution = self._known[application.id]
            if ahead < EXPLAINED or not execution.reason:
                yield from steps.explain(execution, reasons.why_waiting(self.cluster, application, ahead))

    def _say_why_core_waits(self, core: Application, ahead: int) -> None:
        served = self.cluster.applications[core.request.party.id]
        if ahead < EXPLAINED or not self._short.get(served.id):
            why = reasons.why_waiting(self.cluster, core, ahead)
            self._short[served.id] = reasons.why_short(served.wish, served.granted, {}, why, in_line=True)

    def _kept_explained(self) -> Iterator[Change]:
        """Such as of what runs again after a disturbance, which was the reason meanwhile."""
        for name, reason in self._short.items():
            execution = self._known[name]
            if execution.state in (ExecutionState.STARTING, ExecutionState.RUNNING) and execution.reason != reason:
                yield from steps.explain(execution, reason)


def _said(execution: Execution) -> tuple[object, ...]:
    """All that the scheduler sees of it beside its plan."""
    return execution.groups, execution.expected, execution.learned, execution.created, execution.owner, execution.name


def _going(cluster: Cluster) -> int:
    return sum(len(nodes) for application in cluster.applications.values() for nodes in application.going.values())


def _about(seconds: float | None) -> float | None:
    """In whole minutes: nobody knows better. Of what could start at this moment nothing is said."""
    return None if seconds is None or seconds < 1 else 60.0 * math.ceil(seconds / 60)


def _agrees(application: Application, execution: Execution, admitted: bool) -> bool:
    """Whether the scheduler believes what is stored."""
    if application.served != admitted:
        return False
    held = application.granted
    for demand in application.request.demands if admitted else ():
        # A core that lost its place is wished for all the same.
        if steps.granted(execution).get(demand.key, 0) not in (held[demand.key], max(held[demand.key], demand.core)):
            return False
    return True
