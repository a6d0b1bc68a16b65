"""Times with whose they are, in order: as cheap to change where there are a hundred thousand as where there are few."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from itertools import chain

Time = tuple[float, str]
"""A time, and the id of whose it is."""
_LONG = 1024
"""A part that is longer is cut in two."""


class Times:
    """A sorted list in parts. It must not change while somebody goes through it."""

    def __init__(self) -> None:
        self._parts: list[list[Time]] = []
        self._lasts: list[Time] = []
        """Of each part."""

    def __iter__(self) -> Iterator[Time]:
        return chain.from_iterable(self._parts)

    def add(self, time: Time) -> None:
        """One more."""
        if not self._parts:
            self._parts.append([])
            self._lasts.append(time)
        number = min(bisect_left(self._lasts, time), len(self._parts) - 1)
        part = self._parts[number]
        insort(part, time)
        if len(part) > _LONG:
            half = len(part) // 2
            self._parts[number : number + 1] = part[:half], part[half:]
            self._lasts[number : number + 1] = part[half - 1], part[-1]
        else:
            self._lasts[number] = part[-1]

    def discard(self, time: Time) -> None:
        """One less, if it is there."""
        number = bisect_left(self._lasts, time)
        if number == len(self._parts):
            return
        part = self._parts[number]
        index = bisect_left(part, time)
        if part[index] != time:
            return
        del part[index]
        if part:
            self._lasts[number] = part[-1]
        else:
            del self._parts[number], self._lasts[number]

    def since(self, time: Time) -> Iterator[Time]:
        """Those that are not before it."""
        number = bisect_left(self._lasts, time)
        if number < len(self._parts):
            part = self._parts[number]
            yield from part[bisect_left(part, time) :]
            yield from chain.from_iterable(self._parts[number + 1 :])
