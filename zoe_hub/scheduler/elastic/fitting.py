"""How many of each shape that somebody waits for fit on all nodes: counted once, and then only where room changed.

A decision changes a few nodes. What fits there now is set against what did fit, for all shapes at once; everywhere else
it is what it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from ..frontier import Column
from ..level import ENDLESS, Level
from ..level import number as fits_into
from ..shapes import Shape

NEVER = np.iinfo(np.int64).max
_UNKNOWN = NEVER - 1
"""Nobody asked yet: as if there was room for any number."""
_AT_FIRST = 64
"""Shapes for which there is a place."""
_FEW = 512
"""So many shapes are all counted, whoever asks."""
_MANY = 2_000_000
"""Pairs of a shape and a changed node that are not worth counting one by one."""

_REMEMBERED = 4096
"""Amounts of which it is remembered what fits into them."""

NOTHING_KEPT: Mapping[int, Shape] = MappingProxyType({})

Slots = npt.NDArray[np.intp]


class Numbers:
    """Shapes have small numbers, which are used again."""

    def __init__(self) -> None:
        self._shapes: list[Shape] = []
        self._used: list[int] = []
        self._numbers: dict[Shape, int] = {}
        self._unused: list[int] = []
        self.columns: list[Column] = [np.full(_AT_FIRST, NEVER) for _ in range(3)]
        """The shapes by number, dimension by dimension; longer than there are numbers."""
        self._fits: dict[Shape, Column] = {}
        """What `fit` found: what is on a node now is asked for again when it changes, and beside what is kept."""
        self._fits_part: list[dict[int, Column]] = [{}, {}, {}]
        """The same for a single dimension, of which there are fewer amounts."""

    def __getitem__(self, number: int) -> Shape:
        return self._shapes[number]

    def number(self, shape: Shape) -> tuple[int, bool]:
        """The number of a shape, until it was given back as often as it was asked for; and whether it is a new one."""
        number = self._numbers.get(shape)
        if new := number is None:
            number = self._numbers[shape] = self._unused.pop() if self._unused else self._enlarge()
            self._shapes[number] = shape
            for column, part in zip(self.columns, shape, strict=True):
                column[number] = part
            self._fits.clear()
            for known in self._fits_part:
                known.clear()
        self._used[number] += 1
        return number, new

    def give_back(self, number: int) -> None:
        """One of those that asked for it uses it no more."""
        self._used[number] -= 1
        if not self._used[number]:
            del self._numbers[self._shapes[number]]
            for column in self.columns:
                column[number] = NEVER
            self._unused.append(number)

    @property
    def few(self) -> bool:
        return len(self.columns[0]) <= _FEW

    def fit(self, amount: Shape) -> Column:
        """How many of each shape fit into an amount, where there are few shapes. To be read only."""
        found = self._fits.get(amount)
        if found is None:
            if len(self._fits) >= _REMEMBERED:
                self._fits.clear()
            found = self._fits[amount] = self._fit(amount)
        return found

    def _fit(self, amount: Shape) -> Column:
        if min(amount) < 0:
            return np.zeros(len(self.columns[0]), np.int64)
        least: Column | None = None
        for part, column, known in zip(amount, self.columns, self._fits_part, strict=True):
            found = known.get(part)
            if found is None:
                if len(known) >= _REMEMBERED:
                    known.clear()
                found = known[part] = np.where(column == 0, ENDLESS, part // np.maximum(column, 1))
            least = found if least is None else np.minimum(least, found)
        assert least is not None
        return least

    def _enlarge(self) -> int:
        number = len(self._shapes)
        self._shapes.append(Shape())
        self._used.append(0)
        if number == len(self.columns[0]):
            more = np.full(number, NEVER)
            self.columns = [np.concatenate([column, more]) for column in self.columns]
        return number


class Fitting:
    """For the nodes of one level."""

    def __init__(self, level: Level, shapes: Numbers) -> None:
        self.level = level
        self._shapes = shapes
        self._changed = level.changes()
        self._counts: Column = np.zeros(0, np.int64)

    @property
    def counts(self) -> Column:
        """By the shape's number. Of those of which nobody asked more than there can be."""
        if len(self._counts) < len(self._shapes.columns[0]):
            more = np.full(len(self._shapes.columns[0]) - len(self._counts), _UNKNOWN)
            self._counts = np.concatenate([self._counts, more])
        if self._changed:
            self._take_in()
        return self._counts

    def beside(self, kept: Mapping[int, Shape]) -> Column:
        """The counts beside what is kept for others, node by node, or more than that where nobody asked yet."""
        if not kept:
            return self.counts
        counts, amounts = self.counts.copy(), self.level.amounts
        self._count(counts, [(amounts[node].plus(shape, -1), amounts[node]) for node, shape in kept.items()])
        return counts

    def of(self, number: int, kept: Mapping[int, Shape] = NOTHING_KEPT) -> int:
        """Of one shape, beside what is kept for others."""
        found = int(self.counts[number])
        if found == _UNKNOWN:
            found = self._counts[number] = self.level.count(self._shapes[number])
            if not found:
                self._sift()
        if found:
            shape, amounts = self._shapes[number], self.level.amounts
            for node, less in kept.items():
                found -= fits_into(amounts[node], shape) - fits_into(amounts[node].plus(less, -1), shape)
        return found

    def begin(self, number: int) -> None:
        """It is that of another shape from now on."""
        self.counts[number] = self.level.count(self._shapes[number]) if self._shapes.few else _UNKNOWN

    def _sift(self) -> None:
        """Where one fits nowhere, many others do not either: they need not be counted."""
        numbers = ((self._counts == _UNKNOWN) & (self._shapes.columns[0] < NEVER)).nonzero()[0]
        if len(numbers):
            fits = self.level.any_fits([self._shapes[number] for number in numbers.tolist()])
            self._counts[numbers[~fits]] = 0

    def _take_in(self) -> None:
        amounts = self.level.amounts
        pairs = [(now, then) for node, then in self._changed.items() if (now := amounts[node]) != then]
        self._changed.clear()
        self._count(self._counts, pairs)

    def _count(self, counts: Column, pairs: list[tuple[Shape, Shape]]) -> None:
        """Count where there is one amount, and was another one."""
        if self._shapes.few:
            for now, then in pairs:
                counts += self._shapes.fit(now)
                counts -= self._shapes.fit(then)
        elif pairs:
            self._count_many(counts, np.array(pairs, np.int64))

    def _count_many(self, counts: Column, table: Column) -> None:
        """The same, where the pairs are the rows of a table."""
        columns = self._shapes.columns
        # What fits on none of them, then or now, is as before.
        mask = counts != _UNKNOWN
        for column, most in zip(columns, table.max(axis=(0, 1)).tolist(), strict=True):
            mask &= column <= most
        numbers = mask.nonzero()[0]
        if len(numbers) * len(table) > _MANY:
            counts[numbers] = _UNKNOWN
        elif len(numbers):
            fit = _fit([column[numbers] for column in columns], table.reshape(-1, 3))
            counts[numbers] += fit[:, ::2].sum(axis=1) - fit[:, 1::2].sum(axis=1)


def _fit(shapes: list[Column], amounts: Column) -> Column:
    """How many of each shape fit into each amount."""
    found: Column = np.full((len(shapes[0]), len(amounts)), ENDLESS, np.int64)
    for part, amount in zip(shapes, amounts.T, strict=True):
        if part.any():
            fit = amount // np.maximum(part, 1)[:, None]
            if not part.all():
                fit[part == 0] = ENDLESS
            np.minimum(found, fit, out=found)
    # Where there is less than nothing, nothing fits.
    found[:, (amounts < 0).any(axis=1)] = 0
    return np.maximum(found, 0, out=found)
