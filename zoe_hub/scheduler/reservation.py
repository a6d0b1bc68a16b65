"""When room for a core will be there, and where: the shadow time of EASY backfill.

D. Lifka, *The ANL/IBM SP Scheduling System*, 1995; A. Mu'alem and D. Feitelson, *Utilization, Predictability,
Workloads, and User Runtime Estimates in Scheduling the IBM SP2 with Backfilling*, TPDS 2001, section 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .level import Level, number
from .packing import Wish, placed
from .shapes import Shape

End = tuple[float, Sequence[tuple[int, Shape]]]
"""When something ends, and what it gives back then: nodes, and what on each."""


@dataclass(frozen=True)
class Reservation:
    """Room that is kept for one core."""

    at: float
    """The earliest time at which the core fits, in the seconds of the ends that it was found from."""
    kept: dict[int, Shape] = field(default_factory=dict)
    """What of the room that is free now the core will take then, node by node: of nobody else who runs longer."""
    taken: dict[int, Shape] = field(default_factory=dict)
    """All that it will take then."""


def reserve(wishes: Sequence[Wish], room: Level | Sequence[Shape], ends: Iterable[End]) -> Reservation | None:
    """The earliest time at which all of the wishes fit together.

    `room` is that of each node now, `ends` come in the order of time. None where they do not fit even when everything
    has ended of which an end is known. The room is as before afterwards.
    """
    level = room if isinstance(room, Level) else Level(room)
    amounts, there = level.amounts, dict[int, Shape]()
    capable = [level.count(shape) for shape, _ in wishes]
    for time, places in ends:
        for node, shape in places:
            before = there.get(node) or amounts[node]
            after = there[node] = Shape(before[0] + shape[0], before[1] + shape[1], before[2] + shape[2])
            for index, (wish, _) in enumerate(wishes):
                capable[index] += number(after, wish) - number(before, wish)
        # What each wish needs by itself comes first: it is known without placing anything.
        if all(able >= count for able, (_, count) in zip(capable, wishes, strict=True)):
            released = {node: amount.plus(amounts[node], -1) for node, amount in there.items()}
            found = _one_kind(level, there, *wishes[0]) if len(wishes) == 1 else _placed_after(level, released, wishes)
            if found is not None:
                kept = {node: _beyond(taken, released.get(node, _NOTHING)) for node, taken in found.items()}
                return Reservation(time, {node: shape for node, shape in kept.items() if shape != _NOTHING}, found)
    return None


def _one_kind(level: Level, there: Mapping[int, Shape], shape: Shape, count: int) -> dict[int, Shape]:
    """What each node gives where so many instances are placed one after the other, and there is room for them.

    `there` has the nodes on which there is something else than on the level.
    """
    taken: dict[int, Shape] = {}
    for node in sorted({*level.nodes(shape), *there}):
        some = min(count, number(there.get(node) or level.amounts[node], shape))
        if some:
            taken[node] = shape.times(some)
            count -= some
            if not count:
                break
    return taken


def _placed_after(level: Level, released: Mapping[int, Shape], wishes: Sequence[Wish]) -> dict[int, Shape] | None:
    try:
        for node, shape in released.items():
            level.add(node, shape, silent=True)
        return placed(level, wishes)
    finally:
        for node, shape in released.items():
            level.add(node, shape, -1, silent=True)


def place(wishes: Sequence[Wish], room: Sequence[Shape]) -> dict[int, Shape] | None:
    """What the wishes take of each node; None where they do not fit."""
    return placed(Level(room), wishes)


_NOTHING = Shape()


def _beyond(shape: Shape, other: Shape) -> Shape:
    return Shape(*(max(0, part - less) for part, less in zip(shape, other, strict=True)))
