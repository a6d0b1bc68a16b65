"""What is free on each node."""

from __future__ import annotations

from collections.abc import Sequence

from .level import Level
from .shapes import Shape

_NOTHING = Shape()


class Room:
    """Capacity and what is taken of it, node by node. Nodes are known by their index, in the order given."""

    def __init__(self, capacities: Sequence[Shape]) -> None:
        self.capacities = list(capacities)
        self.soon = Level(capacities)
        """Without what is granted. Negative where a node was declared smaller than what runs on it."""
        self.now = Level(capacities)
        """Without what is going either."""
        self.firm = Level(capacities)
        """Without what is granted to cores, and to what is leaving: what is free when nothing elastic is left."""
        self.going: list[Shape] = [_NOTHING] * len(self.capacities)
        """What was taken back and is not gone yet: free soon, not now."""
        self.leaving = 0
        """Instances of that, on all nodes. Where there are none, what is free soon is free now."""
        total = Shape()
        for capacity in self.capacities:
            total = total.plus(capacity)
        self.total = total
        """The capacity of all nodes."""

    @property
    def free(self) -> list[Shape]:
        """What is free soon, node by node."""
        return self.soon.amounts

    def find(self, shape: Shape, *, soon: bool = False) -> int | None:
        """The first node on which one instance fits now, or `soon`, when all that goes is gone; None: on none."""
        return (self.soon if soon else self.now).first(shape)

    def fits(self, node: int, shape: Shape, *, soon: bool = False) -> bool:
        """Whether one instance fits on this node now, or `soon`."""
        return shape.within((self.soon if soon else self.now).amounts[node])

    def take(self, node: int, shape: Shape, *, elastic: bool = False) -> None:
        """Count an instance on a node, whether it fits or not. One that is `elastic` can be taken back for a core."""
        self.soon.add(node, shape, -1)
        self.now.add(node, shape, -1)
        if not elastic:
            self.firm.add(node, shape, -1)

    def give(self, node: int, shape: Shape, *, elastic: bool = False) -> None:
        """Count it no more; `elastic` as when it was taken."""
        self.soon.add(node, shape)
        self.now.add(node, shape)
        if not elastic:
            self.firm.add(node, shape)

    def leave(self, node: int, shape: Shape, count: int = 1) -> None:
        """Count `count` instances more as going; fewer, where it is negative."""
        self.going[node] = self.going[node].plus(shape, count)
        self.leaving += count
        self.now.add(node, shape, -count)

    def settled(self, node: int) -> bool:
        """Whether all that is granted on the node fits beside what is still going."""
        return self.going[node] == _NOTHING or min(self.now.amounts[node]) >= 0
