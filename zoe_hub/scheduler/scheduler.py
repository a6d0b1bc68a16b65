"""Keeps a cluster's books, lets a policy decide on it, and says what changed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ..model.resources import Node
from . import draining, enlargements
from .allowances import Rules, Subject
from .cluster import Application, Cluster
from .orders import Order
from .policies.base import CoresFirst, Policy, Timed
from .quotas import Accounts, Spent
from .requests import Decision, Demand, Request
from .room import Room
from .shapes import Shape


class Scheduler:
    """One for each engine. Told what happens, it decides when asked; time is told it, in seconds.

    Nothing is lost with it: `submit`, with what each application holds, makes another one that decides alike.
    """

    def __init__(self, policy: Policy, order: Order, *, at_once: bool = False) -> None:
        self.cluster = Cluster(order, at_once=at_once, cores_first=isinstance(policy, CoresFirst))
        self._policy = policy
        self._timed = policy if isinstance(policy, Timed) else None
        self._index: dict[str, int] = {}
        """Of nodes, by their names."""
        self._told: dict[str, Decision] = {}
        self._submitted = 0
        self._decided_at = -math.inf
        self._enlargements: dict[str, Application] = {}
        """What waits in line of the cores of those that are served, by those's identifiers."""
        self._touched = self.cluster.watch()

    def set_nodes(self, nodes: Sequence[Node], now: float) -> None:
        """These are all nodes from now on. What was on one that is not among them any more holds no place.

        An application of which core instances lost their place stays admitted: they are placed again first.
        """
        cluster = self.cluster
        index = {node.name: number for number, node in enumerate(nodes)}
        moved = {old: index.get(name) for name, old in self._index.items()}
        room = Room([Shape.of(node.capacity) for node in nodes])
        cluster.order.set_capacity(room.total)
        self._index = index
        for application in cluster.applications.values():
            application.advance(now)
        cluster.set_room(room, moved)
        cluster.recount(Accounts(cluster.accounts.rules, cluster.accounts.spent))

    def set_quotas(self, rules: Rules, spent: Mapping[Subject, Spent], now: float) -> None:
        """These quotas hold from now on, and this is used of hours. Elastic instances beyond them are taken back."""
        self.cluster.recount(Accounts(rules, spent))
        self.cluster.reclaim_beyond_quotas(now)

    def submit(
        self,
        request: Request,
        *,
        admitted_at: float | None = None,
        granted: Mapping[str, int] | None = None,
        hosts: Mapping[str, Sequence[str]] | None = None,
        going: Mapping[str, int] | None = None,
        asked_at: float | None = None,
    ) -> None:
        """A new application; with `admitted_at`, one that is served already and holds `granted` instances of each
        demand, on `hosts` (names of nodes, by the instances' numbers) where they are known. Beside them `going`
        instances were taken back and are not gone yet; theirs are the next numbers. Where it was granted less than its
        core, it asked for the rest later, at `asked_at`, and waits for that.
        """
        wish, own = request, {d.key: min(d.core, (granted or {}).get(d.key, d.core)) for d in request.demands}
        if admitted_at is not None:
            request = enlargements.held(wish, own, granted or {})
        application = Application(request)
        application.wish = wish
        self._submitted += 1
        application.number = self._submitted
        self.cluster.applications[request.id] = application
        self.cluster.touch(application)
        if admitted_at is None:
            return
        application.count_from(admitted_at)
        for demand in request.demands:
            known = list((hosts or {}).get(demand.key, ()))
            held = (granted or {}).get(demand.key, demand.core)
            for number in range(held + (going or {}).get(demand.key, 0)):
                node = self._index.get(known[number]) if number < len(known) else None
                if node is None:
                    node = self.cluster.room.find(demand.shape, soon=number < held)
                # What runs is counted, also where it should not fit.
                if node is None and not self._index:
                    continue
                self.cluster.put(application, demand, node or 0)
                if number >= held:
                    self.cluster.leave(application, demand, self.cluster.pull(application, demand))
        application.admitted_at = admitted_at
        self.cluster.claim(application)
        self._told[request.id] = Decision(request.id, admitted=True, granted=application.granted)
        self._wait_for_core(application, admitted_at if asked_at is None else asked_at)

    def change(self, request: Request, now: float, asked_at: float | None = None) -> None:
        """Its owner wishes another size, since `asked_at` or now. What is too much of it is taken back at once.

        A larger core of one that is served waits in line, as one that was submitted when it was asked for.
        """
        application = self.cluster.applications[request.id]
        application.advance(now)
        application.asks_at = min(application.asks_at, now)
        application.pause = 0.0
        application.wish = request
        if application.served:
            own = enlargements.cores_of(application)
            request = enlargements.held(request, own, application.granted)
        self.cluster.change(application, request)
        self._take_excess(application, now)
        self._wait_for_core(application, now if asked_at is None else asked_at)

    def _take_excess(self, application: Application, now: float) -> None:
        for demand in application.request.demands:
            while application.missing(demand) < 0:
                self.cluster.reclaim(application, demand, now)

    def _wait_for_core(self, application: Application, at: float) -> None:
        """Let what its core lacks wait in line, and nothing else."""
        lack = None
        if application.served and not application.leaving:
            lack = enlargements.lacking(application.wish, application.request, at)
        before = self._enlargements.get(application.id)
        if before is not None:
            if lack is not None and enlargements.is_no_more(lack, before.request):
                lack = replace(lack, submitted=before.request.submitted)
            if lack == before.request:
                return
            del self._enlargements[application.id]
            self.end(before.id)
        if lack is not None:
            self.submit(lack)
            self._enlargements[application.id] = waiting = self.cluster.applications[lack.id]
            self.cluster.claim(waiting)

    @property
    def waiting_cores(self) -> Mapping[str, Application]:
        """What waits in line of cores of those that are served, by those's identifiers."""
        return self._enlargements

    def gone(self, id: str, key: str, count: int = 1) -> None:
        """So many instances that were taken back have gone."""
        application = self.cluster.applications[id]
        self.cluster.gone(application, _demand(application, key), count)

    def leave(self, id: str, now: float) -> None:
        """It is ending: it holds what it has until `end`, and gets nothing more."""
        application = self.cluster.applications[id]
        application.advance(now)
        self.cluster.set_leaving(application)
        self._wait_for_core(application, now)

    def end(self, id: str) -> None:
        """It is gone, with all that it held."""
        application = self.cluster.applications.pop(id)
        self._told.pop(id, None)
        waiting = self._enlargements.pop(id, None)
        if waiting is not None:
            self.end(waiting.id)
        for demand in application.request.demands:
            self.cluster.gone(application, demand, len(application.going.get(demand.key, ())))
            while application.placed[demand.key]:
                self.cluster.pull(application, demand)
        if application.request.of is None:
            self.cluster.accounts.forget(application.request.party)
        else:
            self.cluster.claim(application, -1)
        self.cluster.touch(application)

    def decide(self, now: float) -> list[Decision]:
        """What changes, in the order of urgency. To be asked again when something happened, or time has passed.

        An admission whose place is still held by what is going is not told yet: it is planned anew by the next call,
        which follows when that has gone.
        """
        if now < self._decided_at:
            self.cluster.set_back(self._decided_at - now)
        self._decided_at = now
        self.cluster.hindered.clear()
        self._keep_as_core(now)
        while True:
            self.cluster.started.clear()
            self.cluster.replaced.clear()
            self._policy.schedule(self.cluster, now)
            for application in draining.unsettled(self.cluster):
                draining.hold_back(self.cluster, application)
            if not self._enlarge(now) and not self._keep_as_core(now):
                return [*self._changes()]

    def due(self, now: float) -> float | None:
        """When to ask again although nothing happens, as when a time ends for which a policy waits; None: never."""
        return None if self._timed is None else self._timed.due(self.cluster, now)

    def _keep_as_core(self, now: float) -> bool:
        """What an application holds is as much of its core as it wishes, where nobody else waits for that room.

        Whether that changed anything.
        """
        if not self._enlargements or not enlargements.alone(self.cluster):
            return False
        changed = False
        for waiting in [*self._enlargements.values()]:
            application = self.cluster.applications[waiting.request.party.id]
            granted, own = application.granted, enlargements.cores_of(application)
            if any(min(d.core, granted[d.key]) > own[d.key] for d in application.wish.demands):
                more = {key: max(count, granted[key]) for key, count in own.items()}
                self.cluster.change(application, enlargements.held(application.wish, more, granted))
                self._wait_for_core(application, now)
                changed = True
        return changed

    def _enlarge(self, now: float) -> bool:
        """Make those cores one with their application that were placed in this decision. Whether there were any."""
        placed = [waiting for waiting in self._enlargements.values() if waiting.served]
        for waiting in placed:
            application = self.cluster.applications[waiting.request.party.id]
            del self._enlargements[application.id]
            places = {key: list(nodes) for key, nodes in waiting.placed.items()}
            self.end(waiting.id)
            # It waited for all that its core lacked.
            self.cluster.change(application, application.wish)
            for demand in application.request.demands:
                for node in places.get(demand.key, ()):
                    self.cluster.put(application, demand, node, now)
            self._take_excess(application, now)
        return bool(placed)

    def _changes(self) -> Iterable[Decision]:
        touched = sorted(self._touched.values(), key=lambda application: application.number)
        self._touched.clear()
        for application in touched:
            if self._served(application):
                # Whose core lost its place goes on wishing for all of it.
                granted = {d.key: max(d.core, len(application.placed[d.key])) for d in application.request.demands}
                told = self._told.get(application.id)
                if told is None or told.granted != granted:
                    self._told[application.id] = decision = Decision(application.id, admitted=True, granted=granted)
                    yield decision

    def _served(self, application: Application) -> bool:
        known = self.cluster.applications.get(application.id) is application
        return known and application.served and not application.leaving and application.request.of is None


def _demand(application: Application, key: str) -> Demand:
    return next(demand for demand in application.request.demands if demand.key == key)
