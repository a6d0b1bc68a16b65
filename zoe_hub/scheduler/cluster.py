"""The applications in line and in service, and where their instances are: what policies decide on.

Nothing here decides: a policy calls `admit`, `grant` and `reclaim`, which keep the books. Terms are those of *Flexible
Scheduling of Distributed Analytic Applications*: L is the line of what waits, S the set of what is served.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from .application import Application
from .orders import Order
from .quotas import Accounts, Claims
from .refusals import Refusal
from .requests import Demand, Request
from .room import Room
from .shapes import Shape

__all__ = ["Application", "Cluster"]

_NOTHING = Shape()
NO_CLAIMS: Claims = MappingProxyType({})


class Cluster:
    """All applications and nodes. `now` is in seconds, by the clock of whoever calls."""

    def __init__(self, order: Order, *, at_once: bool = False, cores_first: bool = False) -> None:
        self.order = order
        self.cores_first = cores_first
        """Elastic instances are taken back for a core that a quota does not allow beside them."""
        self.room = Room(())
        self.applications: dict[str, Application] = {}
        self.accounts = Accounts()
        """What is held of quotas: `put` and `pull` keep them, `admit` and `grant` ask them."""
        self.hindered: set[str] = set()
        """Applications that a quota held back since `Scheduler.decide` began."""
        self.started: list[Application] = []
        """Admitted in this decision, in that order."""
        self.replaced: dict[str, tuple[Application, dict[str, int]]] = {}
        """Whose core was placed again in this decision, and how many instances of which demand."""
        self.held: dict[str, Shape] = {}
        """What each user holds."""
        self.cores: dict[str, Shape] = {}
        """What core instances of each user hold."""
        self._watching: list[dict[str, Application]] = []
        self.at_once = at_once
        """What is taken back is gone at once, as in a simulation."""

    def waiting(self, now: float) -> list[Application]:
        """L without those that a quota holds back, who are nobody's obstacle; most urgent first."""
        return self._sorted((a for a in self.applications.values() if self.in_line(a)), now)

    def in_line(self, application: Application, claims: Claims = NO_CLAIMS) -> bool:
        """Whether it waits for room only: not for its user, or a group, to use less of a quota.

        `claims` count as if they were granted.
        """
        if application.served or application.leaving or application.id in self.hindered:
            return False
        return self._allowed(application, claims)

    def _allowed(self, application: Application, claims: Claims = NO_CLAIMS) -> bool:
        """Whether no quota is in the way of its core. A core that was asked for later counts since it was."""
        request, accounts = application.request, self.accounts
        if request.of is not None:
            over = accounts.over_firmly if self.cores_first else accounts.over
            return not any(over(request.party, demand.shape) for demand in request.demands)
        if self.cores_first:
            return accounts.fit_firmly(request.party, request.core_wish, claims)
        return accounts.fit(request.party, request.core_wish)

    def serving(self, now: float) -> list[Application]:
        """S without what is leaving, most urgent first."""
        return self._sorted((a for a in self.applications.values() if a.served and not a.leaving), now)

    def urgency(self, application: Application, now: float) -> tuple[float, float, float, str]:
        """Sorts applications: the smallest comes first. No two are equal."""
        request = application.request
        return -request.priority, self.order.key(application, now), request.submitted, request.id

    def admit(self, application: Application, now: float) -> bool:
        """Place its whole core, all or none, also where something is still going: see `Scheduler.decide`.

        False where it does not fit, or a quota does not allow it: then it is among the `hindered`.
        """
        if not self._allowed(application):
            self.hindered.add(application.id)
            return False
        wishes = [(demand.shape, demand.core) for demand in application.request.demands]
        places = self.room.arrange(wishes, soon=True)
        if places is None:
            return False
        for demand, nodes in zip(application.request.demands, places, strict=True):
            for node in nodes:
                self.put(application, demand, node, now)
        self.serve(application, now)
        return True

    def serve(self, application: Application, now: float) -> None:
        """It leaves the line: its core has been placed."""
        application.admitted_at = now
        application.count_from(now)
        application.drawn = None
        self.started.append(application)
        self.touch(application)

    def watch(self) -> dict[str, Application]:
        """Where each application is put, by its id, when something about it changes. Whoever asked takes them out."""
        touched: dict[str, Application] = dict(self.applications)
        self._watching.append(touched)
        return touched

    def unwatch(self, touched: dict[str, Application]) -> None:
        """Nobody looks there any more."""
        self._watching = [each for each in self._watching if each is not touched]

    def touch(self, application: Application) -> None:
        """Something about it is not as it was."""
        for touched in self._watching:
            touched[application.request.id] = application

    def withdraw(self, application: Application) -> None:
        """Take an admission back that was made in this same decision."""
        application.admitted_at = None
        for demand in application.request.demands:
            while application.placed[demand.key]:
                self.pull(application, demand)
        self.started.remove(application)
        self.touch(application)

    def place_again(self, application: Application, lack: Mapping[str, int]) -> None:
        """So many core instances of a served one, the last ones, were placed again: they had lost their node."""
        self.replaced[application.id] = application, dict(lack)
        application.drawn = None

    def grant(self, application: Application, demand: Demand, now: float) -> bool:
        """Place one more instance where it fits now. False where it fits nowhere, or a quota does not allow it.

        Then nothing is changed.
        """
        if not self.accounts.room(application.request.party, demand.shape):
            self.hindered.add(application.id)
            return False
        node = self.room.find(demand.shape)
        if node is None:
            return False
        application.advance(now)
        application.pause = 0.0
        self.put(application, demand, node, now)
        return True

    def reclaim(self, application: Application, demand: Demand, now: float) -> None:
        """Take its last elastic instance of this demand back. Raises ValueError where only the core is left."""
        if len(application.placed[demand.key]) <= demand.core:
            raise ValueError(f"{application.id} holds no elastic {demand.key}")
        application.advance(now)
        self.leave(application, demand, self.pull(application, demand))

    def leave(self, application: Application, demand: Demand, node: int) -> None:
        """An instance that it holds no more is on its way out of this node, if that takes time."""
        if not self.at_once:
            application.going.setdefault(demand.key, []).append(node)
            self.room.leave(node, demand.shape)
            self.accounts.let_go(application.request.party, demand.shape)
            self.touch(application)

    def restore(self, application: Application, demand: Demand, node: int, at: float) -> None:
        """Undo a `reclaim` of this same decision: the last one of this demand that was not undone."""
        self.put(application, demand, node, at)
        if not self.at_once:
            application.going[demand.key].pop()
            self.room.leave(node, demand.shape, -1)
            self.accounts.let_go(application.request.party, demand.shape, -1)

    def gone(self, application: Application, demand: Demand, count: int) -> None:
        """So many of those that were taken back are gone, the first first."""
        going = application.going.get(demand.key, [])
        for node in going[:count]:
            self.room.leave(node, demand.shape, -1)
            self.accounts.let_go(application.request.party, demand.shape, -1)
        del going[:count]
        self.touch(application)

    def put(self, application: Application, demand: Demand, node: int, at: float = -math.inf) -> None:
        """Count one instance more, on this node, granted `at` that time."""
        request, shape = application.request, demand.shape
        placed = application.placed[demand.key]
        core = len(placed) < demand.core
        elastic = not core and not application.leaving
        self.room.take(node, shape, elastic=elastic)
        placed.append(node)
        application.since[demand.key].append(at)
        self._hold(request.user, shape, 1, core=core)
        if self._counts(application, core):
            self.accounts.hold(request.party, shape)
        if elastic:
            self.accounts.lend(request.party, shape)
        self.touch(application)

    def pull(self, application: Application, demand: Demand) -> int:
        """Count the last instance no more; its node."""
        request, shape = application.request, demand.shape
        placed = application.placed[demand.key]
        node = placed.pop()
        application.since[demand.key].pop()
        core = len(placed) < demand.core
        elastic = not core and not application.leaving
        self.room.give(node, shape, elastic=elastic)
        self._hold(request.user, shape, -1, core=core)
        if self._counts(application, core):
            self.accounts.hold(request.party, shape, -1)
        if elastic:
            self.accounts.lend(request.party, shape, -1)
        self.touch(application)
        return node

    def _counts(self, application: Application, core: bool) -> bool:
        """Whether quotas notice that an instance of it is placed or not.

        A core counts from when it was granted or asked for, wherever it is placed and whether it is.
        """
        return application.request.of is None and not (core and application.served)

    def claim(self, application: Application, sign: int = 1) -> None:
        """Count in quotas what has no place and counts all the same, or count it no more."""
        for demand in application.request.demands:
            self.accounts.hold(application.request.party, demand.shape, sign * self._claimed(application, demand))

    def _claimed(self, application: Application, demand: Demand) -> int:
        if application.request.of is not None:
            return demand.core
        return max(0, demand.core - len(application.placed[demand.key])) if application.served else 0

    def change(self, application: Application, request: Request) -> None:
        """It wishes something else from now on. What it holds beyond that is not taken back by this."""
        self._count(application, -1)
        self.claim(application, -1)
        application.request = request
        application.drawn = None
        for demand in request.demands:
            application.placed.setdefault(demand.key, [])
            application.since.setdefault(demand.key, [])
        self._count(application, 1)
        self.claim(application)
        self.touch(application)

    def set_leaving(self, application: Application) -> None:
        """It is ending: what it holds is not to be taken back any more."""
        self._count(application, -1)
        application.leaving = True
        self._count(application, 1)
        self.touch(application)

    def set_room(self, room: Room, moved: Mapping[int, int | None]) -> None:
        """Other nodes. `moved` has the index of each node of before; what was on one that is gone holds no place."""
        self.room = room
        self.held.clear()
        self.cores.clear()
        for application in self.applications.values():
            application.planned = application.drawn = None
            for demand in application.request.demands:
                key = demand.key
                places = zip(application.placed[key], application.since[key], strict=True)
                left = [(moved[node], at) for node, at in places]
                application.placed[key] = [node for node, _ in left if node is not None]
                application.since[key] = [at for node, at in left if node is not None]
                going = [moved[node] for node in application.going.get(key, ())]
                application.going[key] = [node for node in going if node is not None]
                for node in application.placed[key]:
                    # What of it is firm is counted with all else below.
                    room.take(node, demand.shape, elastic=True)
                for node in application.going[key]:
                    room.leave(node, demand.shape)
            self._count(application, 1)
            self.touch(application)

    def _count(self, application: Application, sign: int) -> None:
        """Count what it holds as firm, and for its user, or count it no more."""
        request = application.request
        for demand in request.demands:
            placed = application.placed[demand.key]
            for node in placed if application.leaving else placed[: demand.core]:
                self.room.firm.add(node, demand.shape, -sign)
            core = min(len(placed), demand.core)
            self._hold(request.user, demand.shape, sign * core, core=True)
            self._hold(request.user, demand.shape, sign * (len(placed) - core), core=False)
            if not application.leaving:
                self.accounts.lend(request.party, demand.shape, sign * (len(placed) - core))

    def _hold(self, user: str, shape: Shape, count: int, *, core: bool) -> None:
        if count:
            self.held[user] = self.held.get(user, _NOTHING).plus(shape, count)
            if core:
                self.cores[user] = self.cores.get(user, _NOTHING).plus(shape, count)

    def recount(self, accounts: Accounts) -> None:
        """Keep these accounts from now on, after counting what everybody holds."""
        self.accounts = accounts
        for application in self.applications.values():
            for demand in application.request.demands:
                placed = 0 if application.request.of is not None else len(application.placed[demand.key])
                if placed:
                    accounts.hold(application.request.party, demand.shape, placed)
                    if not application.leaving:
                        accounts.lend(application.request.party, demand.shape, max(0, placed - demand.core))
                if going := len(application.going.get(demand.key, ())):
                    accounts.let_go(application.request.party, demand.shape, going)
            self.claim(application)

    def refusal(self, application: Application) -> Refusal | None:
        """The quota for which it waits, or has less than it wishes; None where it is not for a quota."""
        request, accounts = application.request, self.accounts
        if request.of is not None:
            excess = (accounts.excess(request.party, demand.shape) for demand in request.demands)
            return next((each for each in excess if each is not None), None)
        if not application.served:
            if self.cores_first and self._allowed(application):
                return None
            return accounts.never(request.party, request.core_wish) or accounts.refusal(
                request.party, request.core_wish
            )
        for demand in request.demands:
            missing = application.missing(demand)
            if missing > 0 and not accounts.room(request.party, demand.shape):
                return accounts.growth(request.party, demand.shape, missing)
        return None

    def reclaim_beyond_quotas(self, now: float) -> None:
        """Take elastic instances back from who has more than is allowed, the least urgent first. Cores go on."""
        for application in reversed(self.serving(now)):
            party = application.request.party
            for demand in reversed(application.request.demands):
                while len(application.placed[demand.key]) > demand.core and self.accounts.over(party, demand.shape):
                    self.reclaim(application, demand, now)

    def set_back(self, seconds: float) -> None:
        """The clock was set back by so much: what happened is to be as long ago as it was."""
        for application in self.applications.values():
            application.since = {key: [at - seconds for at in times] for key, times in application.since.items()}
            application.asks_at -= seconds
            application.set_back(seconds)
            if application.admitted_at is not None:
                application.admitted_at -= seconds
            self.touch(application)

    def _sorted(self, applications: Iterable[Application], now: float) -> list[Application]:
        return sorted(applications, key=lambda application: self.urgency(application, now))
