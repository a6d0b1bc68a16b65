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


def reserve(
    wishes: Sequence[Wish], room: Level | Sequence[Shape], ends: Iterable[End], able: int | None = None
) -> Reservation | None:
    """The earliest time at which all of the wishes fit together.

    `room` is that of each node now, `ends` come in the order of time. Of a single wish, `able` says how many instances
    fit now, where that is known. None where they do not fit even when everything has ended of which an end is known.
    The room is as before afterwards.
    """
    level = room if isinstance(room, Level) else Level(room)
    if len(wishes) == 1:
        ((shape, count),) = wishes
        return _reserve_one_kind(shape, count, level, ends, level.count(shape) if able is None else able)
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
            found = _placed_after(level, released, wishes)
            if found is not None:
                return _reservation(time, found, released)
    return None


def _reserve_one_kind(shape: Shape, count: int, level: Level, ends: Iterable[End], able: int) -> Reservation | None:
    """The same, where it is as soon as there is room for so many, one after the other."""
    amounts, there, lack = level.amounts, dict[int, tuple[int, int, int]](), count - able
    least_cpu, least_memory, least_gpu = shape
    for time, places in ends:
        for node, (cpu, memory, gpu) in places:
            before = there.get(node) or amounts[node]
            after = there[node] = (before[0] + cpu, before[1] + memory, before[2] + gpu)
            # Mostly, none fits there yet, and none did before.
            if after[0] >= least_cpu and after[1] >= least_memory and after[2] >= least_gpu:
                lack += number(before, shape) - number(after, shape)
        if lack <= 0:
            taken: dict[int, Shape] = {}
            for node in sorted({*level.possible(shape), *there}):
                if some := min(count, number(there.get(node) or amounts[node], shape)):
                    taken[node] = shape.times(some)
                    count -= some
                    if not count:
                        break
            released = {node: Shape(*there[node]).plus(amounts[node], -1) for node in taken if node in there}
            return _reservation(time, taken, released)
    return None


def _reservation(time: float, taken: dict[int, Shape], released: Mapping[int, Shape]) -> Reservation:
    kept = {node: _beyond(amount, released[node]) if node in released else amount for node, amount in taken.items()}
    return Reservation(time, {node: shape for node, shape in kept.items() if shape != _NOTHING}, taken)


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
    return Shape(max(0, shape[0] - other[0]), max(0, shape[1] - other[1]), max(0, shape[2] - other[2]))
