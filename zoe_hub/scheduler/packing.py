"""On which nodes the core instances of one application go, all of them or none.

The kind of instance for which the fewest nodes have room is placed first, each on the first node that has room. Where
that fails although there is room for each kind by itself, other ways are tried, up to a bound: whether a set of
instances fits on a set of nodes cannot be found out fast in general (vector bin packing).
"""

from __future__ import annotations

from collections.abc import Sequence

from .level import Level, missing, number
from .shapes import Shape

Wish = tuple[Shape, int]
"""So many instances of a shape."""
TRIED = 400
"""Single placements that are tried before it is given up. Enough for a dozen instances on a few unlike nodes."""
_LARGEST = 40
"""Instances of a core for which other ways are tried."""
_NOTHING = Shape()


def arrange(level: Level, wishes: Sequence[Wish]) -> list[list[int]] | None:
    """Nodes for all instances of each wish; None where no way was found. The level is as before then."""
    if missing(level, wishes) is not None:
        return None
    order = most_constrained(level, [shape for shape, _ in wishes])
    kinds = [wishes[index] for index in order]
    found = _in_turn(level, kinds)
    if found is None and len(kinds) > 1 and sum(count for _, count in kinds) <= _LARGEST:
        found = _Search(level, kinds).run()
    if found is None:
        return None
    places: list[list[int]] = [[] for _ in wishes]
    for index, nodes in zip(order, found, strict=True):
        places[index] = nodes
    return places


def most_constrained(level: Level, shapes: Sequence[Shape]) -> list[int]:
    """The order in which kinds of instances are placed: first that for which the fewest nodes have room."""
    if len(shapes) <= 1:
        return [*range(len(shapes))]
    return sorted(range(len(shapes)), key=lambda index: (len(level.nodes(shapes[index])), index))


def fits(level: Level, wishes: Sequence[Wish]) -> bool:
    """Whether all find room together."""
    if sum(1 for _, count in wishes if count) <= 1:
        return missing(level, wishes) is None
    return arrange(level, wishes) is not None


def placed(level: Level, wishes: Sequence[Wish]) -> dict[int, Shape] | None:
    """What each node would give if all were placed; None where no way was found. The level is as before then."""
    places = arrange(level, wishes)
    if places is None:
        return None
    taken: dict[int, Shape] = {}
    for (shape, _), nodes in zip(wishes, places, strict=True):
        for node in nodes:
            taken[node] = taken.get(node, _NOTHING).plus(shape)
    return taken


def _in_turn(level: Level, kinds: Sequence[Wish]) -> list[list[int]] | None:
    """Each on the first node that has room."""
    places: list[list[int]] = [[] for _ in kinds]
    try:
        for (shape, count), nodes in zip(kinds, places, strict=True):
            while len(nodes) < count:
                node = level.first(shape)
                if node is None:
                    return None
                some = min(count - len(nodes), number(level.amounts[node], shape))
                level.add(node, shape, -some, silent=True)
                nodes += [node] * some
        return places
    finally:
        for (shape, _), nodes in zip(kinds, places, strict=True):
            for node in nodes:
                level.add(node, shape, silent=True)


class _Search:
    """One way after the other, depth first. Of nodes with equal amounts only the first is tried."""

    def __init__(self, level: Level, kinds: Sequence[Wish]) -> None:
        self._level = level
        self._kinds = kinds
        self._places: list[list[int]] = [[] for _ in kinds]
        self._left = TRIED

    def run(self) -> list[list[int]] | None:
        """Nodes for all instances of each kind."""
        return self._places if self._place(0) else None

    def _place(self, kind: int) -> bool:
        if kind == len(self._kinds):
            return True
        (shape, count), nodes = self._kinds[kind], self._places[kind]
        if len(nodes) == count:
            return self._place(kind + 1)
        tried: set[Shape] = set()
        for node in self._level.nodes(shape):
            amount = self._level.amounts[node]
            # Instances of a kind are alike: the next one goes nowhere before the last.
            if amount in tried or (nodes and node < nodes[-1]):
                continue
            tried.add(amount)
            self._left -= 1
            if self._left < 0:
                return False
            self._level.add(node, shape, -1, silent=True)
            nodes.append(node)
            found = self._place(kind)
            self._level.add(node, shape, silent=True)
            if found:
                return True
            nodes.pop()
        return False
