"""What is held that counts in quotas: by whom, and of one subject's all together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .allowances import Dimension, Subject
from .shapes import Shape

Wish = tuple[Shape, int]
"""So many instances of a shape."""
Amounts = Mapping[Dimension, int]
"""Of each of `HELD`."""
Claims = Mapping[Subject, Mapping[Dimension, int]]
"""What cores have a right to that wait, by the subjects in whose quotas they will count."""
HELD = (Dimension.CPU, Dimension.MEMORY, Dimension.GPU, Dimension.INSTANCES)
"""What an execution holds of quotas as long as its instances are granted."""


def amounts(wishes: Iterable[Wish]) -> dict[Dimension, int]:
    """What all of these take together."""
    found = dict.fromkeys(HELD, 0)
    for shape, count in wishes:
        for dimension in HELD:
            found[dimension] += part(shape, dimension) * count
    return found


@dataclass(frozen=True)
class Party:
    """An execution, and whose it is: for whom something is held or asked."""

    id: str
    name: str
    """For people."""
    user: str
    groups: tuple[str, ...] = ()
    """Of the user, when it was submitted."""


@dataclass(frozen=True)
class Spent:
    """Hours of processors that were used within the window, in units of `Dimension.CPU_HOURS`."""

    used: int = 0
    by: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By user and name of the execution."""
    free_in: int | None = None
    """Seconds until there would be some again if nothing more was used; None where it is not used up."""


def part(shape: Shape, dimension: Dimension) -> int:
    """What one instance takes of one of `HELD`."""
    if dimension is Dimension.CPU:
        return shape.cpu
    if dimension is Dimension.MEMORY:
        return shape.memory
    return shape.gpu if dimension is Dimension.GPU else 1


class Account:
    """What is held of one subject's quotas."""

    def __init__(self) -> None:
        self.total = dict.fromkeys((*HELD, Dimension.EXECUTIONS), 0)
        self.going = dict.fromkeys(HELD, 0)
        """What of it was taken back, and has not gone."""
        self.elastic = dict.fromkeys(HELD, 0)
        """What of it can be taken back for a core."""
        self._holders: dict[str, tuple[Party, dict[Dimension, int]]] = {}

    def of(self, party: Party) -> dict[Dimension, int]:
        """What an execution holds of it; from now on there is this one."""
        known = self._holders.get(party.id)
        if known is None:
            self._holders[party.id] = known = (party, dict.fromkeys(HELD, 0))
            self.total[Dimension.EXECUTIONS] += 1
        return known[1]

    def add(self, party: Party, dimension: Dimension, amount: int) -> None:
        """It holds so much more, or less."""
        self.of(party)[dimension] += amount
        self.total[dimension] += amount

    def remove(self, party: Party) -> None:
        """It is gone, with all that it holds."""
        known = self._holders.pop(party.id, None)
        if known is not None:
            self.total[Dimension.EXECUTIONS] -= 1
            for dimension, amount in known[1].items():
                self.total[dimension] -= amount

    def by(self, dimension: Dimension) -> dict[tuple[str, str], int]:
        """What each execution holds, by user and name."""
        if dimension is Dimension.EXECUTIONS:
            return {(party.user, party.name): 1 for party, _ in self._holders.values()}
        return {(party.user, party.name): held[dimension] for party, held in self._holders.values() if held[dimension]}
