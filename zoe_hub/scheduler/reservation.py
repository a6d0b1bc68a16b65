"""When room for a core will be there, and where: the shadow time of EASY backfill.

D. Lifka, *The ANL/IBM SP Scheduling System*, 1995; A. Mu'alem and D. Feitelson, *Utilization, Predictability,
Workloads, and User Runtime Estimates in Scheduling the IBM SP2 with Backfilling*, TPDS 2001, section 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .shapes import Shape

Wish = tuple[Shape, int]
"""So many instances of a shape."""
End = tuple[float, Sequence[tuple[int, Shape]]]
"""When something ends, and what it gives back then: nodes, and what on each."""


@dataclass(frozen=True)
class Reservation:
    """Room that is kept for one core."""

    at: float
    """The earliest time at which the core fits, in the seconds of the ends that it was found from."""
    kept: dict[int, Shape] = field(default_factory=dict)
    """What of the room that is free now the core will take then, node by node: of nobody else who runs longer."""


def reserve(wishes: Sequence[Wish], free: Sequence[Shape], ends: Iterable[End]) -> Reservation | None:
    """The earliest time at which all of the wishes fit, placed on the first nodes that have room, in their order.

    `free` is the room of each node now, `ends` come in the order of time. None where they do not fit even when
    everything has ended of which an end is known.
    """
    room = list(free)
    released: dict[int, Shape] = {}
    capable = [sum(_count(free, shape) for free in room) for shape, _ in wishes]
    for time, places in ends:
        for node, shape in places:
            for number, (wish, _) in enumerate(wishes):
                capable[number] += _count(room[node].plus(shape), wish) - _count(room[node], wish)
            room[node] = room[node].plus(shape)
            released[node] = released.get(node, Shape()).plus(shape)
        # What each wish needs by itself comes first: it is known without placing anything.
        if all(able >= count for able, (_, count) in zip(capable, wishes, strict=True)):
            placed = place(wishes, room)
            if placed is not None:
                kept = {node: _beyond(taken, released.get(node, Shape())) for node, taken in placed.items()}
                return Reservation(time, {node: shape for node, shape in kept.items() if any(shape)})
    return None


_ENDLESS = 1 << 40


def _count(free: Shape, shape: Shape) -> int:
    """How many of a shape fit."""
    if min(free) < 0:
        return 0
    return min((have // need for have, need in zip(free, shape, strict=True) if need), default=_ENDLESS)


def place(wishes: Sequence[Wish], room: Sequence[Shape]) -> dict[int, Shape] | None:
    """What the wishes take of each node, on the first that have room, in their order; None where they do not fit."""
    taken: dict[int, Shape] = {}
    for shape, count in wishes:
        left = count
        for node, whole in enumerate(room):
            if left == 0:
                break
            number = min(left, _count(whole.plus(taken.get(node, Shape()), -1), shape))
            if number:
                taken[node] = taken.get(node, Shape()).plus(shape, number)
                left -= number
        if left:
            return None
    return taken


def _beyond(shape: Shape, other: Shape) -> Shape:
    return Shape(*(max(0, part - less) for part, less in zip(shape, other, strict=True)))
