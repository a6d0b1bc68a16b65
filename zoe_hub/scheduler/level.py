"""An amount on each node, and where it is enough: what makes ten thousand nodes quick to look through."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .frontier import Column, fits_any, frontier
from .shapes import Shape

ENDLESS = 1 << 40
"""How many fit of what takes nothing."""
_FEW = 48
"""Nodes that are gone through one by one faster than all at once."""
_REMEMBERED = 512
"""So many growths since an answer was found are gone through faster than all nodes at once."""
_LOGGED = 8192
"""A longer log is cut."""
_ANSWERS = 4096
"""Shapes of which an answer is remembered."""
_SINGLE = 64
"""So many shapes are looked for one by one faster than all at once."""
_NEAR = 256
"""Nodes that are looked through before all others are."""
_AHEAD = 64
"""Of all others, so many are noted at once on which it fits."""
_COUNTED = 256
"""So many nodes on which something fits are gone through one by one."""


@dataclass
class Noted:
    """Where a shape fits, as far as nodes were looked at. What shrinks meanwhile is seen when somebody asks again."""

    nodes: list[int] = field(default_factory=list)
    """In order: all before `looked` on which it fits, and some on which it does no more."""
    looked: int = 0
    seen: int = 0
    """How often some node had grown."""


class Level:
    """What there is on each node. Amounts may be negative: nothing fits there, also where it takes nothing of that."""

    def __init__(self, amounts: Sequence[Shape]) -> None:
        self.amounts = list(amounts)
        self.short = {node for node, amount in enumerate(amounts) if min(amount) < 0}
        """Nodes on which there is less than nothing."""
        self._columns: list[Column] | None = None
        self._behind: set[int] = set()
        """Nodes of which those have the amounts of before: they are asked for less often than something changes."""
        self._grown: list[dict[int, None]] = []
        self._changes: list[dict[int, Shape]] = []
        self._frontier: Column | None = None
        self._noted: dict[Shape, Noted] = {}
        """Of shapes that were asked for."""
        self._log: list[int] = []
        """Nodes that grew, the latest last."""
        self._growths = 0
        """How often one did: more often than is in the log, which is cut at times."""
        self._tried: dict[int, Shape] = {}
        """What there really is on nodes of which something else is tried: nothing is remembered of that."""

    def add(self, node: int, shape: Shape, times: int = 1, *, silent: bool = False) -> None:
        """So many of the shape more on this node; fewer, where `times` is negative. Who watches is not told
        of what is `silent`: it is only tried, until the reverse is done.
        """
        old = self.amounts[node]
        cpu, memory, gpu = old[0] + times * shape[0], old[1] + times * shape[1], old[2] + times * shape[2]
        # As Shape(cpu, memory, gpu), which takes twice as long: nothing is called more often than this.
        new = self.amounts[node] = tuple.__new__(Shape, (cpu, memory, gpu))
        if cpu < 0 or memory < 0 or gpu < 0:
            self.short.add(node)
        elif self.short:
            self.short.discard(node)
        self._behind.add(node)
        if silent:
            if self._tried.setdefault(node, old) == new:
                del self._tried[node]
            return
        if node in self._tried:
            self._tried[node] = self._tried[node].plus(shape, times)
        self._frontier = None
        if times > 0:
            self._growths += 1
            log = self._log
            log.append(node)
            if len(log) > _LOGGED:
                del log[:-_REMEMBERED]
            for grown in self._grown:
                grown[node] = None
        for changes in self._changes:
            if node not in changes:
                changes[node] = old

    def first(self, shape: Shape) -> int | None:
        """The first node on which it fits; None: on none."""
        if len(self.amounts) <= _FEW:
            cpu, memory, gpu = shape
            for node, (c, m, g) in enumerate(self.amounts):
                if c >= cpu and m >= memory and g >= gpu:
                    return node
            return None
        noted = self._note(shape)
        if self._tried:
            return self._first_tried(shape, noted)
        cpu, memory, gpu = shape
        amounts, nodes = self.amounts, noted.nodes
        while True:
            for index, node in enumerate(nodes):
                c, m, g = amounts[node]
                if c >= cpu and m >= memory and g >= gpu:
                    if index:
                        del nodes[:index]
                    return node
            nodes.clear()
            if noted.looked >= len(amounts):
                return None
            self._look_on(shape, noted)

    def first_beside(self, kept: Mapping[int, Shape], shape: Shape) -> int | None:
        """The first node on which it fits beside what is kept there for others; None: on none."""
        node = self.first(shape)
        if node is None or node not in kept or self._fits_beside(kept, node, shape):
            return node
        behind = self._behind_first(shape, node)
        return next((each for each in behind if each not in kept or self._fits_beside(kept, each, shape)), None)

    def _fits_beside(self, kept: Mapping[int, Shape], node: int, shape: Shape) -> bool:
        return shape.within(self.amounts[node].plus(kept[node], -1))

    def _behind_first(self, shape: Shape, node: int) -> Iterator[int]:
        """Those behind this one on which it fits, in order. To be called where `first` was asked right before."""
        start, last = node + 1, len(self.amounts)
        nodes: Sequence[int] = range(start, last)
        looked = last
        if last > _FEW:
            noted = self._noted[shape]
            nodes = self._places(noted)
            nodes = nodes[bisect_left(nodes, start) :]
            looked = max(start, noted.looked)
        for each in nodes:
            if each < looked and shape.within(self.amounts[each]):
                yield each
        if looked < last:
            yield from (np.flatnonzero(self._fits(shape, looked)) + looked).tolist()

    @contextmanager
    def without(self, kept: Mapping[int, Shape]) -> Iterator[None]:
        """Try what there would be without this, node by node. Who watches is not told."""
        for node, shape in kept.items():
            self.add(node, shape, -1, silent=True)
        try:
            yield
        finally:
            for node, shape in kept.items():
                self.add(node, shape, silent=True)

    def some(self, shape: Shape) -> int | None:
        """A node on which it fits; None: there is none."""
        noted = self._noted.get(shape)
        if noted is not None:
            if noted.nodes:
                if shape.within(self.amounts[noted.nodes[0]]):
                    return noted.nodes[0]
            elif noted.looked == len(self.amounts) and not self._tried:
                # It did fit nowhere: any node that grew since will do, and others need no look.
                cpu, memory, gpu = shape
                grown = self._grown_since(noted.seen)
                if grown is not None:
                    for node in grown:
                        c, m, g = self.amounts[node]
                        if c >= cpu and m >= memory and g >= gpu:
                            return node
                    noted.seen = self._growths
                    return None
        return self.first(shape)

    def nodes(self, shape: Shape) -> list[int]:
        """All nodes on which it fits, in order."""
        return [node for node in self.possible(shape) if shape.within(self.amounts[node])]

    def possible(self, shape: Shape) -> Sequence[int]:
        """Nodes in order, among which are all on which it fits."""
        if len(self.amounts) <= _FEW:
            return range(len(self.amounts))
        noted = self._note_all(shape)
        return np.flatnonzero(self._fits(shape)).tolist() if noted is None else self._places(noted)

    def _note(self, shape: Shape) -> Noted:
        """What is known of where it fits, with all that grew since that was asked last."""
        noted = self._noted.get(shape)
        if noted is None:
            if len(self._noted) >= _ANSWERS:
                self._noted.clear()
            noted = self._noted[shape] = Noted(seen=self._growths)
        elif self._growths > noted.seen:
            self._note_growth(shape, noted)
        return noted

    def _grown_since(self, growths: int) -> list[int] | None:
        """The nodes that grew when there had been so many growths; None where that is too long ago."""
        count = self._growths - growths
        if count > _REMEMBERED:
            return None
        return self._log[-count:] if count else []

    def _note_growth(self, shape: Shape, noted: Noted) -> None:
        cpu, memory, gpu = shape
        nodes, looked, tried = noted.nodes, noted.looked, self._tried
        grown = self._grown_since(noted.seen)
        noted.seen = self._growths
        if grown is None:
            nodes.clear()
            noted.looked = 0
            return
        amounts = self.amounts
        for node in grown:
            c, m, g = amounts[node] if node not in tried else tried[node]
            if c >= cpu and m >= memory and g >= gpu and node < looked:
                index = bisect_left(nodes, node)
                if index == len(nodes) or nodes[index] != node:
                    nodes.insert(index, node)
        if len(nodes) > 2 * _COUNTED:
            # So that thousands of shapes do not each keep all nodes of a cluster that became empty.
            noted.looked = nodes[_COUNTED]
            del nodes[_COUNTED:]

    def _look_on(self, shape: Shape, noted: Noted) -> None:
        """Look at further nodes, until it fits on some. Not where something is tried."""
        start, last = noted.looked, len(self.amounts)
        end = min(start + _NEAR, last)
        found = np.flatnonzero(self._fits(shape, start, end)) + start
        noted.looked = end
        if not len(found) and end < last:
            found = np.flatnonzero(self._fits(shape, end, last)) + end
            noted.looked = last
            if len(found) > _AHEAD:
                found = found[:_AHEAD]
                noted.looked = int(found[-1]) + 1
        noted.nodes += found.tolist()

    def _note_all(self, shape: Shape) -> Noted | None:
        """What is known, where that are all nodes on which it fits; None where there are many of them."""
        noted = self._note(shape)
        last = len(self.amounts)
        if not self._tried and (noted.looked < last or len(noted.nodes) > _COUNTED):
            # Of many noted ones, most may have shrunk since.
            start = 0 if len(noted.nodes) > _COUNTED else noted.looked
            found = np.flatnonzero(self._fits(shape, start)) + start
            if len(found) <= _COUNTED:
                noted.nodes[:] = [*([] if start == 0 else noted.nodes), *found.tolist()]
                noted.looked = last
        return noted if noted.looked == last and len(noted.nodes) <= 2 * _COUNTED else None

    def _places(self, noted: Noted) -> list[int]:
        """Nodes on which it may fit, of those that were looked at, and those on which something is tried."""
        return sorted({*noted.nodes, *self._tried}) if self._tried else noted.nodes

    def _first_tried(self, shape: Shape, noted: Noted) -> int | None:
        """The first node on which it fits beside what is tried."""
        cpu, memory, gpu = shape
        for node in self._places(noted):
            if node >= noted.looked:
                break
            c, m, g = self.amounts[node]
            if c >= cpu and m >= memory and g >= gpu:
                return node
        node = self._search(shape, noted.looked)
        return node if node < len(self.amounts) else None

    def _search(self, shape: Shape, start: int) -> int:
        """The first node from this one on; beyond the last one: none."""
        last = len(self.amounts)
        end = min(start + _NEAR, last)
        while start < last:
            mask = self._fits(shape, start, end)
            node = int(mask.argmax())
            if mask[node]:
                return start + node
            start, end = end, last
        return last

    def any_fits(self, shapes: Sequence[Shape]) -> npt.NDArray[np.bool_]:
        """Of many different shapes: whether one of each fits on some node."""
        if len(shapes) <= _SINGLE:
            return np.array([self.some(shape) is not None for shape in shapes], bool)
        return fits_any([*np.array(shapes, np.int64).T], self.frontier.tolist())

    @property
    def frontier(self) -> Column:
        """Amounts on nodes such that what fits on any node fits on one of these: mostly few."""
        if self._tried:
            return frontier(np.stack(self.columns, axis=1))
        if self._frontier is None:
            self._frontier = frontier(np.stack(self.columns, axis=1))
        return self._frontier

    def count(self, shape: Shape) -> int:
        """How many fit on all nodes together."""
        if len(self.amounts) <= _FEW:
            return sum(number(amount, shape) for amount in self.amounts)
        noted = self._note_all(shape)
        if noted is None:
            return int(self.counts(shape).sum())
        there = [(node, some) for node in self._places(noted) if (some := number(self.amounts[node], shape))]
        if len(there) < len(noted.nodes) and not self._tried:
            noted.nodes[:] = [node for node, _ in there]
        return sum(some for _, some in there)

    def lack(self, shape: Shape, count: int) -> int:
        """How many of `count` do not fit on all nodes together."""
        if len(self.amounts) > _FEW and not self._tried:
            left = count
            for node in self._note(shape).nodes:
                left -= number(self.amounts[node], shape)
                if left <= 0:
                    return 0
        return max(0, count - self.count(shape))

    def counts(self, shape: Shape) -> Column:
        """How many fit on each node."""
        cpu, memory, gpu = self.columns
        fits = self._fits(shape)
        found: Column = np.zeros(len(fits), np.int64)
        if fits.any():
            where = np.flatnonzero(fits)
            each = np.full(len(where), ENDLESS, np.int64)
            for column, need in zip((cpu, memory, gpu), shape, strict=True):
                if need:
                    np.minimum(each, column[where] // need, out=each)
            found[where] = each
        return found

    @property
    def columns(self) -> list[Column]:
        """The amounts, dimension by dimension. To be read only."""
        columns = self._columns
        if columns is None:
            table = np.array(self.amounts, np.int64).reshape(len(self.amounts), 3)
            columns = self._columns = [np.ascontiguousarray(table[:, dimension]) for dimension in range(3)]
            self._behind.clear()
        while self._behind:
            node = self._behind.pop()
            columns[0][node], columns[1][node], columns[2][node] = self.amounts[node]
        return columns

    def watch(self) -> dict[int, None]:
        """Where each node is put on which there is more at some moment. Whoever asked takes them out."""
        grown: dict[int, None] = {}
        self._grown.append(grown)
        return grown

    def changes(self) -> dict[int, Shape]:
        """Where each node is put that changes, with what there was since it was put there. Whoever asked takes them
        out.
        """
        changes: dict[int, Shape] = {}
        self._changes.append(changes)
        return changes

    def _fits(self, shape: Shape, start: int = 0, end: int | None = None) -> npt.NDArray[np.bool_]:
        """Of the nodes from `start` to before `end`."""
        cpu, memory, gpu = self.columns
        mask = cpu[start:end] >= shape[0]
        mask &= memory[start:end] >= shape[1]
        mask &= gpu[start:end] >= shape[2]
        return mask


def number(amount: tuple[int, int, int], shape: Shape) -> int:
    """How many of a shape fit into an amount."""
    # Written out: this is asked for thousands of times in a decision.
    cpu, memory, gpu = amount
    if cpu < 0 or memory < 0 or gpu < 0:
        return 0
    found = ENDLESS
    if shape[0]:
        found = cpu // shape[0]
    if shape[1] and (some := memory // shape[1]) < found:
        found = some
    if shape[2] and (some := gpu // shape[2]) < found:
        found = some
    return found


def joined(one: Mapping[int, Shape], other: Mapping[int, Shape]) -> dict[int, Shape]:
    """What is on each node of both together."""
    found = dict(one)
    for node, shape in other.items():
        found[node] = found[node].plus(shape) if node in found else shape
    return found


def missing(level: Level, wishes: Iterable[tuple[Shape, int]]) -> tuple[Shape, int] | None:
    """The first shape of which there is not room for all that are wished, even alone, and how many lack room."""
    for shape, count in wishes:
        if count:
            node = level.some(shape)
            if node is None:
                return shape, count
            if number(level.amounts[node], shape) < count and (lack := level.lack(shape, count)):
                return shape, lack
    return None
