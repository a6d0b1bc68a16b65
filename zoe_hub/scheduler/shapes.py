"""What one instance takes of a node, in whole numbers: sums and differences of them are exact."""

from __future__ import annotations

import math
from typing import NamedTuple

from ..model.resources import Resources, format_bytes


class Shape(NamedTuple):
    """An amount of each dimension: of one instance, of a sum, or of a node."""

    cpu: int = 0
    """Thousandths of a processor."""
    memory: int = 0
    """Bytes."""
    gpu: int = 0
    """Whole graphics processors."""

    @classmethod
    def of(cls, resources: Resources) -> Shape:
        """What `resources` need, rounded up to what is counted here."""
        return cls(math.ceil(round(resources.cpu * 1000, 6)), resources.memory, resources.gpu)

    def plus(self, other: Shape, times: int = 1) -> Shape:
        """This and `times` the other one; `times` may be negative."""
        # As Shape(...), which takes twice as long; by position, as that is faster too.
        parts = self[0] + times * other[0], self[1] + times * other[1], self[2] + times * other[2]
        return tuple.__new__(Shape, parts)

    def times(self, count: int) -> Shape:
        """So many of it."""
        return Shape(self.cpu * count, self.memory * count, self.gpu * count)

    def within(self, other: Shape) -> bool:
        """Whether it is at most the other one in every dimension."""
        return self.cpu <= other.cpu and self.memory <= other.memory and self.gpu <= other.gpu

    def dominant_share(self, whole: Shape) -> float:
        """The largest part that it is of any dimension of `whole` (Ghodsi et al., NSDI 2011, section 4).

        Infinite where it needs something of which there is nothing.
        """
        # In a loop: this is asked more often than anything else.
        most = 0.0
        for part, all_ in zip(self, whole, strict=True):
            if part > 0:
                share = part / all_ if all_ > 0 else math.inf
                if share > most:
                    most = share
        return most

    def __str__(self) -> str:
        parts = [f"{self.cpu / 1000:g} CPU", format_bytes(self.memory)]
        if self.gpu:
            parts.append(f"{self.gpu} GPU")
        return ", ".join(parts)
