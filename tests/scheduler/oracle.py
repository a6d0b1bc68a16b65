"""The elastic policy again, plainly: everything is looked through each time. What both decide is compared."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping

from zoe_hub.scheduler.allowances import Dimension, Subject
from zoe_hub.scheduler.cluster import Application, Cluster
from zoe_hub.scheduler.draining import unsettled
from zoe_hub.scheduler.elastic.division import FAILURES
from zoe_hub.scheduler.level import Level
from zoe_hub.scheduler.packing import arrange, fits, most_constrained
from zoe_hub.scheduler.packing import placed as placed_on
from zoe_hub.scheduler.policies.elastic import Settings
from zoe_hub.scheduler.policies.possible import Possible
from zoe_hub.scheduler.requests import INTERACTIVE, Demand
from zoe_hub.scheduler.reservation import Reservation
from zoe_hub.scheduler.shapes import Shape


class PlainElastic:
    """Core first, elastic instances by urgency, with hysteresis; EASY backfill; dominant-resource fairness."""

    name = "elastic"
    cores_first = True

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._possible = Possible(whole=False)
        self._put_off: dict[tuple[int, str, float], float] = {}

        self._decided_at = -math.inf

    def schedule(self, cluster: Cluster, now: float) -> None:
        if now < self._decided_at:
            self._put_off.clear()
        self._decided_at = now
        _Moment(self.settings, self._possible, cluster, now, self._put_off).decide()

    def due(self, cluster: Cluster, now: float) -> float | None:
        """When somebody becomes overdue, or looks again, after the last decision."""
        times = []
        for a in cluster.applications.values():
            if a.leaving:
                continue
            if not a.served:
                if self._possible.ever(cluster.room, a.request):
                    times.append(a.request.submitted + self.settings.bound)
            elif not a.broken and any(a.missing(d) > 0 and not a.going.get(d.key) for d in a.request.demands):
                put_off = self._put_off.get(group_of(a, self.settings), -math.inf)
                times.append(max(a.asks_at, put_off))
        return min((time for time in times if self._decided_at < time < math.inf), default=None)


def reservation(settings: Settings, cluster: Cluster, now: float) -> tuple[Application | None, float | None]:
    """The head of the line that waits for room, and when it will start at the latest; None where nobody knows."""
    moment = _Moment(settings, Possible(whole=False), cluster, now, {})
    line = [a for a in moment._line() if moment._possible.ever(cluster.room, a.request)]
    found = moment._reserve(line[0], {}, moment._known_ends()) if line else None
    return line[0] if line else None, found.at if found else None


class _Moment:
    """One decision."""

    def __init__(
        self,
        settings: Settings,
        possible: Possible,
        cluster: Cluster,
        now: float,
        put_off: dict[tuple[int, str, float], float],
    ) -> None:
        self._put_off = put_off
        self._failed = defaultdict[tuple[int, str, float], int](int)
        self._settings = settings
        self._possible = possible
        self._cluster = cluster
        self._room = cluster.room
        self._now = now
        self._total = cluster.room.total
        self._urgency = {a.id: cluster.urgency(a, now) for a in cluster.applications.values()}
        self._held_back: set[str] = set()
        """Applications whose core was given room that is not free yet."""
        self._promised: list[tuple[Application, Demand]] = []
        """Elastic instances that are counted until the end of the decision, on room that is not free yet."""

    def decide(self) -> None:
        self._fit_nodes()
        self._keep_plans()
        while self._start_next():
            pass
        self._held_back = {each.id for each in unsettled(self._cluster)}
        self._divide()

    # Cores

    def _fit_nodes(self) -> None:
        for node in range(len(self._room.capacities)):
            for victim, demand in self._victims():
                if min(self._room.free[node]) >= 0:
                    break
                if node in victim.placed[demand.key][demand.core :]:
                    while self._take(victim, demand)[2] != node:
                        pass
                    self._was_robbed(victim)

    def _keep_plans(self) -> None:
        """Cores that were given room which was not free yet, if they still fit there."""
        waiting = [a for a in self._line() if a.planned is not None]
        for application in [*(a for a in self._lost() if a.planned is not None), *waiting]:
            planned, application.planned = application.planned, None
            missing = dict(_missing(application))
            if planned is None or any(len(planned.get(d.key, ())) != n for d, n in missing.items()):
                continue
            if any(nodes and key not in {d.key for d in missing} for key, nodes in planned.items()):
                continue
            if not application.served and application not in self._line():
                continue
            placed = []
            for demand in missing:
                for node in planned.get(demand.key, ()):
                    if self._room.fits(node, demand.shape, soon=True):
                        self._cluster.put(application, demand, node, self._now)
                        placed.append(demand)
            if len(placed) == sum(missing.values()):
                self._serve(application, missing)
                self._restore(self._make_way(application))
            else:
                for demand in reversed(placed):
                    self._cluster.pull(application, demand)
        for application in self._cluster.applications.values():
            if not application.leaving and (application.broken or not application.served):
                application.planned = None

    def _lost(self) -> list[Application]:
        """Whose core lost a node."""
        return [a for a in self._cluster.serving(self._now) if a.broken]

    def _line(self) -> list[Application]:
        shares = self._shares(cores=True)
        waiting = [a for a in self._cluster.applications.values() if not a.served and not a.leaving]
        claims: dict[Subject, dict[Dimension, int]] = {}
        line = []
        for a in sorted(waiting, key=lambda a: self._place(a, shares)):
            if self._cluster.in_line(a, claims):
                line.append(a)
            request, accounts = a.request, self._cluster.accounts
            claims_some = self._overdue(a) and request.of is None and self._possible.ever(self._room, request)
            if claims_some and not accounts.never(request.party, request.core_wish):
                accounts.claim(claims, request.party, request.core_wish)
        return line

    def _place(self, application: Application, shares: Mapping[str, Shape]) -> tuple[object, ...]:
        if self._overdue(application):
            return 0, application.request.submitted, application.id
        return 1, *self._rank(application, shares)

    def _overdue(self, application: Application) -> bool:
        return not application.served and self._now >= application.request.submitted + self._settings.bound

    def _start_next(self) -> bool:
        """Start the first that may start. False where nobody may."""
        drawn: dict[int, Shape] = {}
        for application in self._lost():
            if self._possible.ever(self._room, application.request):
                if self._start(application, drawn):
                    return True
                if not self._settings.backfill:
                    return False
                drawn = drawn or self._draw(application)
        blocked = False
        reservation: Reservation | None = None
        for application in self._line():
            if not self._possible.ever(self._room, application.request):
                continue
            kept = _sum(drawn, reservation.kept if reservation else {})
            if self._start(application, kept):
                return True
            if blocked:
                short = reservation is not None and self._now + _longest(application) <= reservation.at
                if short and not drawn and self._start(application, {}):
                    return True
            elif not self._settings.backfill:
                return False
            elif self._overdue(application):
                drawn = _sum(drawn, self._draw(application))
            else:
                reservation = self._reserve(application, drawn, self._known_ends())
            blocked = True
        return False

    def _draw(self, application: Application) -> dict[int, Shape]:
        """Room that is kept for it, the same from one decision to the next, as far as it is free."""
        if application.drawn is None or self._now > application.drawn[0]:
            found = self._reserve(application, {}, [*self._known_ends(), *self._unknown_ends()])
            application.drawn = self._now + self._settings.bound, found.taken if found else {}
        firm = self._firm()
        return {
            node: Shape(*(max(0, min(need, free)) for need, free in zip(shape, firm[node], strict=True)))
            for node, shape in application.drawn[1].items()
        }

    def _reserve(self, application: Application, kept: Mapping[int, Shape], ends: list[_End]) -> Reservation | None:
        """Of each end, try whether the core fits then."""
        wishes = [(demand.shape, count) for demand, count in _missing(application)]
        room, released = _without(self._firm(), kept), defaultdict[int, Shape](Shape)
        for time, places in ends:
            for node, shape in places:
                room[node] = room[node].plus(shape)
                released[node] = released[node].plus(shape)
            taken = placed_on(Level(room), wishes)
            if taken is not None:
                beyond = {node: _beyond(shape, released[node]) for node, shape in taken.items()}
                return Reservation(time, beyond, taken)
        return None

    def _known_ends(self) -> list[_End]:
        """The latest that are possible."""
        ends = []
        for a in self._cluster.applications.values():
            end = -math.inf if a.leaving else a.latest_end(self._now)
            if a.served and end is not None and not self._is_over(a):
                ends.append((end, a.id, self._places(a)))
        return [(max(self._now, end), places) for end, _, places in sorted(ends)]

    def _unknown_ends(self) -> list[_End]:
        """The youngest first."""
        ends = []
        for a in self._cluster.applications.values():
            if a.admitted_at is not None and not a.leaving and (a.latest_end(self._now) is None or self._is_over(a)):
                ends.append((-a.admitted_at, a.id, self._places(a)))
        return [(math.inf, places) for _, _, places in sorted(ends)]

    def _is_over(self, a: Application) -> bool:
        return not a.leaving and a.ends_at is not None and a.ends_at < self._now

    @staticmethod
    def _places(a: Application) -> list[tuple[int, Shape]]:
        return [
            (node, demand.shape)
            for demand in a.request.demands
            for node in (a.placed[demand.key] if a.leaving else a.placed[demand.key][: demand.core])
        ]

    def _firm(self) -> list[Shape]:
        """What cores may take: what is free, soon too, and what elastic instances hold."""
        firm = list(self._room.free)
        for a in self._cluster.applications.values():
            if not a.leaving:
                for demand in a.request.demands:
                    for node in a.placed[demand.key][demand.core :]:
                        firm[node] = firm[node].plus(demand.shape)
        return firm

    def _start(self, application: Application, kept: Mapping[int, Shape]) -> bool:
        """Place all core instances that it lacks, or none, without what is kept; elastic ones are taken back for it."""
        missing = dict(_missing(application))
        wishes = [(demand.shape, count) for demand, count in missing.items()]
        if not fits(Level(_without(self._firm(), kept)), wishes):
            return False
        for node, shape in kept.items():
            self._room.take(node, shape)
        taken = self._place_core(application, missing)
        for node, shape in kept.items():
            self._room.give(node, shape)
        self._serve(application, missing)
        self._restore([*taken, *self._make_way(application)])
        return True

    def _serve(self, application: Application, missing: Mapping[Demand, int]) -> None:
        if application.served:
            self._cluster.place_again(application, {demand.key: count for demand, count in missing.items()})
        else:
            self._cluster.serve(application, self._now)
            application.asks_at = self._now

    def _place_core(self, application: Application, missing: dict[Demand, int]) -> list[_Taken]:
        """What was taken back for it."""
        placed: list[Demand] = []
        left: list[Demand] = []
        demands = [*missing]
        wishes = [(demand.shape, missing[demand]) for demand in demands]
        for index in most_constrained(Level(self._firm()), [demand.shape for demand in demands]):
            for demand in [demands[index]] * missing[demands[index]]:
                node = self._room.find(demand.shape)
                node = self._room.find(demand.shape, soon=True) if node is None else node
                if node is None:
                    left.append(demand)
                else:
                    self._cluster.put(application, demand, node, self._now)
                    placed.append(demand)
        taken: list[_Taken] = []
        if left:
            for victim, of in self._victims():
                taken.append(self._take(victim, of))
                node = taken[-1][2]
                rest = []
                for demand in left:
                    if self._room.fits(node, demand.shape, soon=True):
                        self._cluster.put(application, demand, node, self._now)
                        placed.append(demand)
                    else:
                        rest.append(demand)
                left = rest
                if not left:
                    return taken
            # They are in each other's way. All elastic instances have been taken back: there is a way for all of them.
            for demand in reversed(placed):
                self._cluster.pull(application, demand)
            places = arrange(self._room.soon, wishes)
            assert places is not None
            for demand, nodes in zip(demands, places, strict=True):
                for node in nodes:
                    self._cluster.put(application, demand, node, self._now)
        return taken

    def _make_way(self, application: Application) -> list[_Taken]:
        """What was taken back since the quotas in which its core counts do not allow it beside that."""
        accounts, request = self._cluster.accounts, application.request
        taken: list[_Taken] = []
        for victim, demand in self._victims():
            exceeded = [each for d in request.demands if d.core for each in accounts.exceeded(request.party, d.shape)]
            if not exceeded:
                break
            if accounts.relieves(victim.request.party, demand.shape, {*exceeded}):
                taken.append(self._take(victim, demand))
        return taken

    # Taking back

    def _victims(self) -> Iterator[tuple[Application, Demand]]:
        """Whose elastic instance goes next, as long as there are some. One that the caller leaves is passed over."""
        passed: set[tuple[str, str]] = set()
        while True:
            holders = [
                a
                for a in self._cluster.serving(self._now)
                if any(len(a.placed[d.key]) > d.core and (a.id, d.key) not in passed for d in a.request.demands)
            ]
            if not holders:
                return
            shares = self._shares()
            victim = max(holders, key=lambda a: self._rank(a, shares))
            demand = next(
                d
                for d in reversed(victim.request.demands)
                if len(victim.placed[d.key]) > d.core and (victim.id, d.key) not in passed
            )
            held = len(victim.placed[demand.key])
            yield victim, demand
            if held == len(victim.placed[demand.key]):
                passed.add((victim.id, demand.key))

    def _take(self, victim: Application, demand: Demand) -> _Taken:
        at = victim.since[demand.key][-1]
        node = victim.placed[demand.key][-1]
        self._cluster.reclaim(victim, demand, self._now)
        return victim, demand, node, at

    def _restore(self, taken: list[_Taken]) -> None:
        """Give back what was not needed, to the most urgent first. Of one process the first ones come back first."""
        lost: set[tuple[str, str]] = set()
        for victim, demand, node, at in reversed(taken):
            if (victim.id, demand.key) in lost:
                continue
            bears = self._cluster.accounts.bears(victim.request.party, demand.shape)
            if bears and self._room.fits(node, demand.shape, soon=True):
                self._cluster.restore(victim, demand, node, at)
            else:
                lost.add((victim.id, demand.key))
                self._was_robbed(victim)

    def _was_robbed(self, victim: Application) -> None:
        victim.asks_at = max(victim.asks_at, self._later(self._settings.hold))
        victim.pause = 0.0

    def _later(self, seconds: float) -> float:
        """Later than now in any case, or a second look at the same moment could find something else."""
        return max(self._now + seconds, math.nextafter(self._now, math.inf))

    # Elastic instances

    def _divide(self) -> None:
        self._fill()
        while (claimant := self._claimant()) is not None:
            self._claim(claimant)
        self._fill()
        while self._promised:
            # What was promised is no state: who had to leave it alone may have to leave less alone now.
            self._forget_promises()
            if not self._fill():
                break
        self._forget_promises()

    def _forget_promises(self) -> None:
        while self._promised:
            self._cluster.pull(*self._promised.pop())

    def _growing(self) -> list[Application]:
        shares = self._shares()
        wanting = [a for a in self._cluster.serving(self._now) if any(True for _ in self._wanted(a))]
        return sorted(wanting, key=lambda a: self._rank(a, shares))

    def _wanted(self, application: Application) -> Iterator[Demand]:
        """Processes that are to grow."""
        if not application.broken and application.id not in self._held_back:
            for demand in application.request.demands:
                if application.missing(demand) > 0 and not application.going.get(demand.key):
                    if self._cluster.accounts.room(application.request.party, demand.shape):
                        yield demand
                    else:
                        self._cluster.hindered.add(application.id)

    def _fill(self) -> bool:
        """Grant what is free, and promise what is going. Whether something was granted."""
        granted = False
        stuck: set[str] = set()
        while True:
            for application in self._growing():
                if application.id in stuck:
                    continue
                got = [self._grow(application) for _ in range(self._settings.batch)]
                granted = granted or "granted" in got
                if got[0]:
                    break
                # Room only shrinks here.
                stuck.add(application.id)
            else:
                return granted

    def _grow(self, application: Application) -> str:
        """One instance more, or the promise of one; empty where there is no room for either."""
        for demand in self._wanted(application):
            mixed = (application, demand) in self._promised
            if not mixed and self._cluster.grant(application, demand, self._now):
                return "granted"
            node = self._room.find(demand.shape, soon=True)
            if node is not None:
                application.advance(self._now)
                self._cluster.put(application, demand, node, self._now)
                self._promised.append((application, demand))
                return "promised"
        return ""

    def _claimant(self) -> Application | None:
        shares = self._shares()
        due = [
            a
            for a in self._growing()
            if a.asks_at <= self._now and self._put_off.get(group_of(a, self._settings), -math.inf) <= self._now
        ]
        by_time = {a.id: (a.asks_at, a.request.submitted, a.id) for a in due}
        return min(due, key=lambda a: (*self._rank(a, shares)[:2], by_time[a.id]), default=None)

    def _claim(self, application: Application) -> None:
        """Let it take from the less urgent, and say when it looks again."""
        got = False
        while self._grow(application) or any(self._rob(application, d) for d in self._wanted(application)):
            got = True
        hold, twice = self._settings.hold, 0.0 if got else 2 * application.pause
        application.pause = max(1.0, hold, min(twice, 32 * hold))
        application.asks_at = self._later(application.pause)
        if not got:
            self._failed[group_of(application, self._settings)] += 1
            if self._failed[group_of(application, self._settings)] == FAILURES:
                self._put_off[group_of(application, self._settings)] = self._later(hold)

    def _rob(self, application: Application, wanted: Demand) -> bool:
        """Take an instance back in whose place one more of it fits, and grant or promise it."""
        for victim, demand in self._victims():
            node = victim.placed[demand.key][-1]
            makes_room = wanted.shape.within(self._room.free[node].plus(demand.shape))
            if victim is application or not makes_room or not self._yields(victim, demand, application, wanted):
                continue
            self._take(victim, demand)
            self._was_robbed(victim)
            now = self._room.fits(node, wanted.shape) and (application, wanted) not in self._promised
            application.advance(self._now)
            self._cluster.put(application, wanted, node, self._now)
            if not now:
                self._promised.append((application, wanted))
            return True
        return False

    def _yields(self, victim: Application, demand: Demand, claimant: Application, wanted: Demand) -> bool:
        """Whether the last instance of the victim's may be taken back so that the claimant gets one."""
        since = victim.since[demand.key][-1]
        if since >= self._now or (victim, demand) in self._promised:
            return False
        one, other = victim.request, claimant.request
        if one.priority != other.priority:
            return one.priority < other.priority
        if not self._settings.fair or one.user == other.user or since > self._now - self._settings.hold:
            return False
        shares = self._shares()
        left = shares[one.user].plus(demand.shape, -1).dominant_share(self._total) / one.weight
        return left >= shares[other.user].plus(wanted.shape).dominant_share(self._total) / other.weight

    # Urgency

    def _rank(self, application: Application, shares: Mapping[str, Shape]) -> tuple[object, ...]:
        request = application.request
        share = 0.0
        if self._settings.fair:
            share = shares[request.user].dominant_share(self._total) / request.weight
        return (-request.priority, share, *self._urgency[application.id])

    def _shares(self, *, cores: bool = False) -> dict[str, Shape]:
        """What each user holds, of all, or of cores."""
        shares: dict[str, Shape] = defaultdict(Shape)
        for a in self._cluster.applications.values():
            for demand in a.request.demands:
                held = len(a.placed[demand.key])
                held = min(held, demand.core) if cores else held
                shares[a.request.user] = shares[a.request.user].plus(demand.shape, held)
        return shares


def group_of(application: Application, settings: Settings) -> tuple[int, str, float]:
    """Those among which only the order counts."""
    request = application.request
    return (request.priority, request.user, request.weight) if settings.fair else (request.priority, "", 1.0)


_End = tuple[float, list[tuple[int, Shape]]]
"""When something ends, and what it gives back on which nodes."""
_Taken = tuple[Application, Demand, int, float]
"""An instance that was taken back: of whom, where it was, and since when."""


def _missing(application: Application) -> list[tuple[Demand, int]]:
    """Core instances that have no place."""
    return [
        (demand, demand.core - len(application.placed[demand.key]))
        for demand in application.request.demands
        if len(application.placed[demand.key]) < demand.core
    ]


def _beyond(shape: Shape, other: Shape) -> Shape:
    return Shape(*(max(0, part - less) for part, less in zip(shape, other, strict=True)))


def _longest(application: Application) -> float:
    """Seconds that it runs when it never gets more than its core."""
    request = application.request
    if request.size is None or request.core == 0 or request.priority >= INTERACTIVE:
        return math.inf
    return request.size * (request.core + request.elastic) / request.core


def _sum(one: Mapping[int, Shape], other: Mapping[int, Shape]) -> dict[int, Shape]:
    return {node: one.get(node, Shape()).plus(other.get(node, Shape())) for node in {*one, *other}}


def _without(room: list[Shape], kept: Mapping[int, Shape]) -> list[Shape]:
    return [free.plus(kept.get(node, Shape()), -1) for node, free in enumerate(room)]
