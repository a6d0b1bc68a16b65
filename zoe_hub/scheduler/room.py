"""What is free on each node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .level import Level
from .packing import Wish, arrange
from .shapes import Shape

_NOTHING = Shape()


class Room:
    """Capacity and what is taken of it, node by node. Nodes are known by their index, in the order given."""

    def __init__(self, capacities: Sequence[Shape]) -> None:
        self.capacities = list(capacities)
        self.soon = Level(capacities)
        """Without what is granted. Negative where a node was declared smaller than what runs on it."""
        self._now: Level | None = None
        """Without what is going either; None where nothing went yet, as where all is gone at once."""
        self.firm = Level(capacities)
        """Without what is granted to cores, and to what is leaving: what is free when nothing elastic is left."""
        self.going: dict[int, Shape] = {}
        """What was taken back and is not gone yet, by node: free soon, not now."""
        total = Shape()
        for capacity in self.capacities:
            total = total.plus(capacity)
        self.total = total
        """The capacity of all nodes."""

    @property
    def free(self) -> list[Shape]:
        """What is free soon, node by node."""
        return self.soon.amounts

    @property
    def now(self) -> Level:
        """Without what is granted, and without what is going."""
        return self.soon if self._now is None else self._now

    def find(self, shape: Shape, *, soon: bool = False, kept: Mapping[int, Shape] | None = None) -> int | None:
        """The first node on which one instance fits now, or `soon`, when all that goes is gone; None: on none.

        Beside what is `kept` for others, node by node.
        """
        level = self.soon if soon else self.now
        return level.first_beside(kept, shape) if kept else level.first(shape)

    def left(self, node: int, *, soon: bool = False, kept: Mapping[int, Shape] | None = None) -> Shape:
        """What there is on this node for instances that `find` finds it for."""
        amount = (self.soon if soon else self.now).amounts[node]
        return amount.plus(kept[node], -1) if kept and node in kept else amount

    def fits(self, node: int, shape: Shape, *, soon: bool = False) -> bool:
        """Whether one instance fits on this node now, or `soon`."""
        return shape.within(self.left(node, soon=soon))

    def arrange(self, wishes: Sequence[Wish], *, soon: bool = False) -> list[list[int]] | None:
        """Nodes for all instances of each wish, now or `soon`; None where no way was found."""
        return arrange(self.soon if soon else self.now, wishes)

    def take(self, node: int, shape: Shape, *, elastic: bool = False) -> None:
        """Count an instance on a node, whether it fits or not. One that is `elastic` can be taken back for a core."""
        self.soon.add(node, shape, -1)
        if self._now is not None:
            self._now.add(node, shape, -1)
        if not elastic:
            self.firm.add(node, shape, -1)

    def give(self, node: int, shape: Shape, *, elastic: bool = False) -> None:
        """Count it no more; `elastic` as when it was taken."""
        self.soon.add(node, shape)
        if self._now is not None:
            self._now.add(node, shape)
        if not elastic:
            self.firm.add(node, shape)

    def leave(self, node: int, shape: Shape, count: int = 1) -> None:
        """Count `count` instances more as going; fewer, where it is negative."""
        going = self.going[node] = self.going.get(node, _NOTHING).plus(shape, count)
        if going == _NOTHING:
            del self.going[node]
        if self._now is None:
            self._now = Level(self.soon.amounts)
        self._now.add(node, shape, -count)

    def settled(self, node: int) -> bool:
        """Whether all that is granted on the node fits beside what is still going."""
        return node not in self.going or min(self.now.amounts[node]) >= 0
