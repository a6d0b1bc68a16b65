"""What those that wait need: so many instances of a shape. Whether that fits is asked once, however many need it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ..frontier import Column
from ..level import Level
from ..shapes import Shape
from .fitting import NEVER, NOTHING_KEPT, Fitting, Numbers, Slots

NOBODY = 0
"""The number of a wish that never fits."""


class Wishes:
    """Different ones have different small numbers, which are used again."""

    def __init__(self, level: Level) -> None:
        self._shapes = Numbers()
        self._room = Fitting(level, self._shapes)
        self._numbers: dict[tuple[Shape, int], int] = {}
        self._wished: list[tuple[Shape, int]] = [(Shape(), NEVER)]
        self._used = [1]
        self._unused: list[int] = []
        self._shape: Slots = np.zeros(1, np.intp)
        """By the wish's number, that of its shape."""
        self._count: Column = np.full(1, NEVER)
        """By the wish's number, how many instances."""

    def number(self, shape: Shape, count: int) -> int:
        """The number of a wish, until it was given back as often as it was asked for."""
        wish = shape, count
        number = self._numbers.get(wish)
        if number is None:
            number = self._numbers[wish] = self._unused.pop() if self._unused else self._enlarge()
            self._wished[number] = wish
            self._count[number] = count
            self._shape[number], new = self._shapes.number(shape)
            if new:
                self._room.begin(int(self._shape[number]))
        self._used[number] += 1
        return number

    def give_back(self, number: int) -> None:
        """One of those that asked for it wishes that no more."""
        if number == NOBODY:
            return
        self._used[number] -= 1
        if not self._used[number]:
            del self._numbers[self._wished[number]]
            self._shapes.give_back(int(self._shape[number]))
            self._count[number] = NEVER
            self._unused.append(number)

    def fits(self, number: int, kept: Mapping[int, Shape]) -> bool:
        """Whether there is room for it beside what is kept for others, node by node."""
        return bool(self._count[number] <= self._room.of(int(self._shape[number]), kept))

    def count(self, number: int, shape: Shape) -> int | None:
        """How many instances of this shape there is room for; None where it is not what is wished."""
        return self._room.of(int(self._shape[number])) if self._wished[number][0] == shape else None

    def fitting(self, kept: Mapping[int, Shape] = NOTHING_KEPT) -> npt.NDArray[np.bool_]:
        """By number, whether there may be room beside what is kept for others: also where nobody counted yet."""
        found: npt.NDArray[np.bool_] = self._count <= self._room.beside(kept).take(self._shape)
        return found

    def _enlarge(self) -> int:
        number = len(self._wished)
        self._wished.append(self._wished[NOBODY])
        self._used.append(0)
        if number == len(self._count):
            more = max(64, number)
            self._shape = np.concatenate([self._shape, np.zeros(more, np.intp)])
            self._count = np.concatenate([self._count, np.full(more, NEVER)])
        return number
