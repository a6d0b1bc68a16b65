"""Who gets how many elastic instances of what cores leave."""

from __future__ import annotations

import heapq
import math

from ..cluster import Application
from ..requests import Demand
from ..shapes import Shape
from .books import Books
from .entries import Entry, Group, Key
from .taking import later, take, victims, was_robbed

FAILURES = 4
"""After so many of a user's applications found nothing to take, the others of the class look later too."""

_BEFORE_ALL: Key = (-math.inf, -math.inf, "")

GrowthTurn = tuple[int, float, Key, int, Group]
ClaimTurn = tuple[int, float, tuple[float, float, str], float, Group]


class Division:
    """One decision's elastic instances."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._cluster = books.cluster
        self._room = books.room
        self._now = books.now
        self._promised: list[tuple[Application, Demand]] = []
        """Instances that are counted until the end of the decision, on room that is not free yet."""

    def divide(self) -> None:
        """Grant what is free, let those who look take from others, and promise what is going."""
        self._fill()
        if self._let_claim():
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

    def _fill(self) -> bool:
        """Grant what is free, and promise what is going, in order. Whether something was granted."""
        books = self._books
        books.sync()
        growing = books.growing
        granted = False
        sifted = False
        """Since room last shrank."""
        aside: list[Entry] = []
        heap: list[GrowthTurn] = []
        for number, group in enumerate(growing.begin(self._now, self._room.soon, books.soon_grown)):
            self._push(heap, number, group, _BEFORE_ALL)
        while heap:
            turn = heapq.heappop(heap)
            number, group = turn[3], turn[4]
            found = growing.first(group)
            if found is None:
                continue
            key, alike = found
            if heap and (-group.priority, books.share(group), key, number) > heap[0][:4]:
                self._push(heap, number, group, key)
                continue
            entry = books.entries[key[2]]
            got = self._grow(entry.application)
            if got:
                sifted = False
                granted = granted or got == "granted"
                for _ in range(books.settings.batch - 1):
                    granted = self._grow(entry.application) == "granted" or granted
                growing.put(entry, tuple(demand.shape for demand in books.wanted(entry.application)))
            else:
                wanted = [demand.shape for demand in books.wanted(entry.application)]
                if not wanted:
                    # Its core was given no room yet: what is free says nothing about it.
                    aside.append(entry)
                    growing.remove(entry)
                elif not all(self._cluster.accounts.room(entry.request.party, shape) for shape in wanted):
                    growing.refuse(alike)
                else:
                    growing.fill_up(alike)
                if not sifted:
                    sifted = True
                    if not growing.sift(self._room.soon):
                        break
            self._push(heap, number, group, _BEFORE_ALL)
        for entry in aside:
            self._cluster.touch(entry.application)
        return granted

    def _push(self, heap: list[GrowthTurn], number: int, group: Group, key: Key) -> None:
        """Let it have its turn, which is not before that of who has this key: who comes first is seen then."""
        heapq.heappush(heap, (-group.priority, self._books.share(group), key, number, group))

    def _grow(self, application: Application) -> str:
        """One instance more, or the promise of one; empty where there is no room for either."""
        for demand in self._books.wanted(application):
            if not self._cluster.accounts.room(application.request.party, demand.shape):
                self._cluster.hindered.add(application.id)
                continue
            mixed = bool(self._promised) and (application, demand) in self._promised
            if not mixed and self._cluster.grant(application, demand, self._now):
                return "granted"
            node = self._room.find(demand.shape, soon=True)
            if node is not None:
                application.advance(self._now)
                self._cluster.put(application, demand, node, self._now)
                self._promised.append((application, demand))
                return "promised"
        return ""

    # Taking from others

    def _let_claim(self) -> bool:
        """Whether somebody got something."""
        books = self._books
        books.sync()
        failed: dict[Group, int] = {}
        claimed = False
        refused: list[Entry] = []
        turns = self._turns_to_claim()
        while turns:
            group = heapq.heappop(turns)[-1]
            books.sync()
            entry = books.asking.first(group)
            if entry is None or books.asking.time(group) > self._now:
                continue
            books.asking.pop(group)
            if not self._may(entry):
                # It wishes nothing that it may have now, but may do so later.
                refused.append(entry)
            elif self._claim(entry):
                claimed = True
                # Shares have changed.
                turns = self._turns_to_claim()
                continue
            else:
                failed[group] = failed.get(group, 0) + 1
                if failed[group] == FAILURES:
                    books.asking.put_off[group.name] = later(books, books.settings.hold)
            if (turn := self._turn_to_claim(group)) is not None:
                heapq.heappush(turns, turn)
        for entry in refused:
            self._cluster.touch(entry.application)
        return claimed

    def _turns_to_claim(self) -> list[ClaimTurn]:
        self._books.sync()
        now, groups = self._now, self._books.groups.values()
        # Whoever is first in the heap looks no later than anybody, also when it does not count any more.
        early = [group for group in groups if group.asking and group.asking[0][0] <= now]
        turns = [turn for group in early if (turn := self._turn_to_claim(group)) is not None]
        heapq.heapify(turns)
        return turns

    def _turn_to_claim(self, group: Group) -> ClaimTurn | None:
        if not self._books.asking.is_time(group, self._now):
            return None
        return -group.priority, self._books.share(group), group.asking[0], group.weight, group

    def _may(self, entry: Entry) -> bool:
        party = entry.request.party
        wanted = self._books.wanted(entry.application)
        return any(self._cluster.accounts.room(party, demand.shape) for demand in wanted)

    def _claim(self, entry: Entry) -> bool:
        """Let it take from the less urgent, and say when it looks again. Whether it got something."""
        application = entry.application
        got = False
        while self._grow(application) or any(self._rob(entry, demand) for demand in self._allowed(application)):
            got = True
        application.pause = self._books.settings.pause(0.0 if got else application.pause)
        application.asks_at = later(self._books, application.pause)
        self._cluster.touch(application)
        return got

    def _allowed(self, application: Application) -> list[Demand]:
        party = application.request.party
        return [d for d in self._books.wanted(application) if self._cluster.accounts.room(party, d.shape)]

    def _rob(self, entry: Entry, wanted: Demand) -> bool:
        """Take an instance back in whose place one more of it fits, and grant or promise it."""
        books, application, shape = self._books, entry.application, wanted.shape
        if self._room.firm.first(shape) is None:
            return False
        books.sync()
        share = self._share_with(entry, shape)
        if not any(group.holders and self._may_take(entry, group, share) for group in books.groups.values()):
            return False
        for victim, demand in victims(
            books, lambda group: self._may_take(entry, group, self._share_with(entry, shape))
        ):
            node = victim.placed[demand.key][-1]
            if not shape.within(self._room.free[node].plus(demand.shape)):
                continue
            if not self._yields(victim, demand, entry, share):
                continue
            take(books, victim, demand)
            was_robbed(books, victim)
            mixed = bool(self._promised) and (application, wanted) in self._promised
            promised = mixed or not self._room.fits(node, shape)
            application.advance(self._now)
            self._cluster.put(application, wanted, node, self._now)
            if promised:
                self._promised.append((application, wanted))
            return True
        return False

    def _share_with(self, entry: Entry, shape: Shape) -> float:
        """What its user would hold with one instance more, by weight."""
        held = self._cluster.held.get(entry.request.user, Shape())
        return held.plus(shape).dominant_share(self._books.total) / entry.request.weight

    def _may_take(self, entry: Entry, group: Group, share: float) -> bool:
        """Whether a group holds anything that may be taken for it, whose user would hold that share then."""
        own = entry.group
        if group.priority != own.priority:
            return group.priority < own.priority
        return group.user != own.user and self._books.share(group) >= share

    def _yields(self, victim: Application, demand: Demand, entry: Entry, share: float) -> bool:
        """Whether the last instance of the victim's may be taken back so that the other one gets one."""
        if victim is entry.application or (self._promised and (victim, demand) in self._promised):
            return False
        since = victim.since[demand.key][-1]
        one, other = victim.request, entry.request
        # One that was granted in this decision would be taken to and fro.
        if since >= self._now:
            return False
        if one.priority != other.priority:
            return one.priority < other.priority
        if not self._books.settings.fair or one.user == other.user or since > self._now - self._books.settings.hold:
            return False
        held = self._cluster.held[one.user].plus(demand.shape, -1)
        return held.dominant_share(self._books.total) / one.weight >= share
