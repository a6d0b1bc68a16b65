"""What is free on each node."""

from __future__ import annotations

from collections.abc import Sequence

from .shapes import Shape


class Room:
    """Capacity and what is taken of it, node by node. Nodes are known by their index, in the order given."""

    def __init__(self, capacities: Sequence[Shape]) -> None:
        self.capacities = list(capacities)
        self.free = list(capacities)
        """Without what is granted. Negative where a node was declared smaller than what runs on it."""
        self.going: list[Shape] = [Shape()] * len(self.capacities)
        """What was taken back and is not gone yet: free soon, not now."""

    @property
    def total(self) -> Shape:
        """The capacity of all nodes."""
        total = Shape()
        for capacity in self.capacities:
            total = total.plus(capacity)
        return total

    def find(self, shape: Shape, *, soon: bool = False) -> int | None:
        """The first node on which one instance fits now, or `soon`, when all that goes is gone; None: on none."""
        for index, free in enumerate(self.free):
            if shape.within(free if soon else free.plus(self.going[index], -1)):
                return index
        return None

    def fits(self, node: int, shape: Shape, *, soon: bool = False) -> bool:
        """Whether one instance fits on this node now, or `soon`."""
        free = self.free[node]
        return shape.within(free if soon else free.plus(self.going[node], -1))

    def take(self, node: int, shape: Shape) -> None:
        """Count an instance on a node, whether it fits or not."""
        self.free[node] = self.free[node].plus(shape, -1)

    def give(self, node: int, shape: Shape) -> None:
        """Count it no more."""
        self.free[node] = self.free[node].plus(shape)

    def leave(self, node: int, shape: Shape, count: int = 1) -> None:
        """Count `count` instances more as going; fewer, where it is negative."""
        self.going[node] = self.going[node].plus(shape, count)

    def settled(self, node: int) -> bool:
        """Whether all that is granted on the node fits beside what is still going."""
        return self.going[node].within(self.free[node]) or self.going[node] == Shape()
