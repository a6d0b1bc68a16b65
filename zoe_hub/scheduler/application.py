"""One application: what was asked for, and what it holds of it."""

from __future__ import annotations

import math

from .requests import Demand, Request
from .shapes import Shape
from .work import progress_made, time_left


class Application:
    """One request and what it holds."""

    def __init__(self, request: Request) -> None:
        self.request = request
        """With what is its own of its core: see `enlargements.py`."""
        self.wish = request
        """What its owner wishes."""
        self.placed: dict[str, list[int]] = {demand.key: [] for demand in request.demands}
        """The node of each instance that it was granted, in the order in which they were: the last go first."""
        self.since: dict[str, list[float]] = {demand.key: [] for demand in request.demands}
        """When each of them was granted; minus infinity where that is not known."""
        self.going: dict[str, list[int]] = {}
        """Nodes of instances that were taken back and are not gone yet."""
        self.planned: dict[str, list[int]] | None = None
        """The nodes that its core was given, or what lacks of it, of which some are not free yet."""
        self.drawn: tuple[float, dict[int, Shape]] | None = None
        """Room that nobody else's core takes, as it has waited for too long, or lost its own; and until when."""
        self.asks_at = -math.inf
        """When its policy looks next for elastic instances that others could give back to it."""
        self.pause = 0.0
        """Seconds between the last two such looks."""
        self.admitted_at: float | None = None
        self.leaving = False
        """Ending: it holds what it has until it is gone, and gets nothing more."""
        self.progress = 0.0
        """The part of its work that is done; 0 to 1."""
        self.progressed_at = request.submitted
        """Until when `progress` is counted."""
        self._before = request.submitted, 0.0
        """The same two as they were before that moment."""
        self.number = 0
        """In which order applications were submitted to this scheduler."""

    @property
    def id(self) -> str:
        return self.request.id

    @property
    def served(self) -> bool:
        return self.admitted_at is not None

    @property
    def granted(self) -> dict[str, int]:
        """Instances by the demand's key, core and elastic."""
        return {key: len(nodes) for key, nodes in self.placed.items()}

    @property
    def elastic(self) -> int:
        """Elastic instances that it holds: g in the paper."""
        # In a loop: this is asked very often.
        found = 0
        for demand in self.request.demands:
            if (more := len(self.placed[demand.key]) - demand.core) > 0:
                found += more
        return found

    @property
    def broken(self) -> bool:
        """Served, and core instances of it lost their place."""
        return self.served and any(len(self.placed[d.key]) < d.core for d in self.request.demands)

    @property
    def lacking(self) -> int:
        """Instances of all demands that it wishes and does not hold, core and elastic."""
        return self.request.core + self.request.elastic - sum(map(len, self.placed.values()))

    def missing(self, demand: Demand) -> int:
        """Instances that it wishes and does not hold."""
        return demand.core + demand.elastic - len(self.placed[demand.key])

    def advance(self, now: float) -> None:
        """Count the work done since the last call. Without an estimate of its size there is none to count."""
        if now > self.progressed_at:
            self._before = self.progressed_at, self.progress
        size = self.request.size
        if self.served and size is not None:
            done = progress_made(
                max(0.0, now - self.progressed_at), size, self.request.core, self.request.elastic, self.elastic
            )
            self.progress = min(1.0, self.progress + done)
        self.progressed_at = now

    def count_from(self, at: float) -> None:
        """It begins at that time."""
        self.progressed_at = at
        self._before = at, self.progress

    def set_back(self, seconds: float) -> None:
        """What was counted was so much earlier."""
        self.progressed_at -= seconds
        self._before = self._before[0] - seconds, self._before[1]

    def time_left(self, now: float) -> float | None:
        """Seconds until its end with what it holds, or, in line, with everything; None where nobody knows."""
        request = self.request
        if request.size is None:
            return None
        if not self.served:
            return request.size
        end = self.ends_at
        return None if end is None else max(0.0, end - now)

    @property
    def ends_at(self) -> float | None:
        """When it ends with what it holds, by its estimate, which may be over; None where nobody knows, or it waits."""
        request, elastic = self.request, self.elastic
        if request.size is None or not self.served or request.core + elastic == 0:
            return None
        return self.progressed_at + time_left(request.size, self.progress, request.core, request.elastic, elastic)

    def latest_end(self, now: float) -> float | None:
        """When it ends if it is left with its core alone; None where nobody knows.

        By what was known when this moment began: what is granted or taken back in the course of a decision does not
        change what that decision counts on.
        """
        request = self.request
        if request.size is None or not self.served or request.core == 0:
            return None
        at, progress = self._before if self.progressed_at >= now else (self.progressed_at, self.progress)
        return at + time_left(request.size, progress, request.core, request.elastic, 0)
