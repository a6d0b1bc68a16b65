"""Keeps a cluster's books, lets a policy decide on it, and says what changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..model.resources import Node
from .allowances import Rules, Subject
from .cluster import Application, Cluster
from .orders import Order
from .policies.base import Policy, Timed
from .quotas import Accounts, Spent
from .requests import Decision, Demand, Request
from .room import Room
from .shapes import Shape


class Scheduler:
    """One for each engine. Told what happens, it decides when asked; time is told it, in seconds.

    Nothing is lost with it: `submit`, with what each application holds, makes another one that decides alike.
    """

    def __init__(self, policy: Policy, order: Order, *, at_once: bool = False) -> None:
        self.cluster = Cluster(order, at_once=at_once)
        self._policy = policy
        self._names: tuple[str, ...] = ()
        self._told: dict[str, Decision] = {}
        self._submitted = 0
        self._touched = self.cluster.watch()

    def set_nodes(self, nodes: Sequence[Node], now: float) -> None:
        """These are all nodes from now on. What was on one that is not among them any more holds no place.

        An application of which core instances lost their place stays admitted: they are placed again first.
        """
        cluster = self.cluster
        index = {node.name: number for number, node in enumerate(nodes)}
        moved = {old: index.get(name) for old, name in enumerate(self._names)}
        room = Room([Shape.of(node.capacity) for node in nodes])
        cluster.order.set_capacity(room.total)
        self._names = tuple(node.name for node in nodes)
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
    ) -> None:
        """A new application; with `admitted_at`, one that is served already and holds `granted` instances of each
        demand, on `hosts` (names of nodes, by the instances' numbers) where they are known. Beside them `going`
        instances were taken back and are not gone yet; theirs are the next numbers.
        """
        application = Application(request)
        self._submitted += 1
        application.number = self._submitted
        self.cluster.applications[request.id] = application
        self.cluster.touch(application)
        if admitted_at is None:
            return
        application.admitted_at = application.progressed_at = admitted_at
        index = {name: number for number, name in enumerate(self._names)}
        for demand in request.demands:
            known = list((hosts or {}).get(demand.key, ()))
            held = (granted or {}).get(demand.key, demand.core)
            for number in range(held + (going or {}).get(demand.key, 0)):
                node = index.get(known[number]) if number < len(known) else None
                if node is None:
                    node = self.cluster.room.find(demand.shape, soon=number < held)
                # What runs is counted, also where it should not fit.
                if node is None and not self._names:
                    continue
                self.cluster.put(application, demand, node or 0)
                if number >= held:
                    self.cluster.reclaim(application, demand, admitted_at)
        self._told[request.id] = Decision(request.id, admitted=True, granted=application.granted)

    def change(self, request: Request, now: float) -> None:
        """Its owner wishes another size. What is too much of it is taken back at once."""
        application = self.cluster.applications[request.id]
        application.advance(now)
        application.asks_at = min(application.asks_at, now)
        self.cluster.change(application, request)
        for demand in request.demands:
            while application.missing(demand) < 0:
                self.cluster.reclaim(application, demand, now)

    def gone(self, id: str, key: str, count: int = 1) -> None:
        """So many instances that were taken back have gone."""
        application = self.cluster.applications[id]
        self.cluster.gone(application, _demand(application, key), count)

    def leave(self, id: str, now: float) -> None:
        """It is ending: it holds what it has until `end`, and gets nothing more."""
        application = self.cluster.applications[id]
        application.advance(now)
        self.cluster.set_leaving(application)

    def end(self, id: str) -> None:
        """It is gone, with all that it held."""
        application = self.cluster.applications.pop(id)
        self._told.pop(id, None)
        for demand in application.request.demands:
            self.cluster.gone(application, demand, len(application.going.get(demand.key, ())))
            while application.placed[demand.key]:
                self.cluster.pull(application, demand)
        self.cluster.accounts.forget(application.request.party)
        self.cluster.touch(application)

    def decide(self, now: float) -> list[Decision]:
        """What changes, in the order of urgency. To be asked again when something happened, or time has passed.

        An admission whose place is still held by what is going is not told yet: it is planned anew by the next call,
        which follows when that has gone.
        """
        self.cluster.hindered.clear()
        self.cluster.started.clear()
        self._policy.schedule(self.cluster, now)
        self._hold_back()
        return [*self._changes()]

    def due(self, now: float) -> float | None:
        """When to ask again although nothing happens, as when a time ends for which a policy waits; None: never."""
        return self._policy.due(self.cluster, now) if isinstance(self._policy, Timed) else None

    def _hold_back(self) -> None:
        """Admissions of this call whose nodes are not free yet, the last first."""
        for application in reversed([*self.cluster.started]):
            if not self.cluster.settled(application):
                application.planned = {key: list(nodes) for key, nodes in application.placed.items()}
                self.cluster.withdraw(application)

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
        return known and application.served and not application.leaving


def _demand(application: Application, key: str) -> Demand:
    return next(demand for demand in application.request.demands if demand.key == key)
