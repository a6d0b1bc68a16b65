"""Times with whose they are, in order: as cheap to change where there are a hundred thousand as where there are few."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import chain
from typing import Generic, TypeVar

V = TypeVar("V")
_LONG = 1024
"""A part that is longer is cut in two."""


class Times(Generic[V]):
    """A sorted list in parts, of times, whose they are, and what is known of those. It must not change while somebody
    goes through it.
    """

    def __init__(self) -> None:
        self._parts: list[list[tuple[float, str, V]]] = []
        self._lasts: list[tuple[float, str]] = []
        """Of each part."""

    def __iter__(self) -> Iterator[tuple[float, str, V]]:
        return chain.from_iterable(self._parts)

    def add(self, time: float, id: str, value: V) -> None:
        """One more."""
        key = time, id
        if not self._parts:
            self._parts.append([])
            self._lasts.append(key)
        number = min(bisect_left(self._lasts, key), len(self._parts) - 1)
        part = self._parts[number]
        # No two are equal in the first two: values are never compared.
        part.insert(bisect_left(part, key), (time, id, value))
        if len(part) > _LONG:
            half = len(part) // 2
            self._parts[number : number + 1] = part[:half], part[half:]
            self._lasts[number : number + 1] = part[half - 1][:2], part[-1][:2]
        else:
            self._lasts[number] = part[-1][:2]

    def discard(self, time: float, id: str) -> None:
        """One less, if it is there."""
        key = time, id
        number = bisect_left(self._lasts, key)
        if number == len(self._parts):
            return
        part = self._parts[number]
        index = bisect_left(part, key)
        if part[index][:2] != key:
            return
        del part[index]
        if part:
            self._lasts[number] = part[-1][:2]
        else:
            del self._parts[number], self._lasts[number]

    def since(self, time: float) -> Iterator[tuple[float, str, V]]:
        """Those that are not before it."""
        key = time, ""
        number = bisect_left(self._lasts, key)
        if number < len(self._parts):
            part = self._parts[number]
            yield from part[bisect_left(part, key) :]
            yield from chain.from_iterable(self._parts[number + 1 :])
