"""Which quotas hold for a user: from what administrators wrote to numbers. No I/O, no clock.

What is said of the user by name comes first, then what is said of each member of one of the user's groups (of several
groups, the most), then what is said of everybody; for each dimension by itself. What is said of a group together holds
beside that, for each of the user's groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from ..model.durations import format_seconds
from ..model.quotas import UNLIMITED, WINDOW, Limits, Quotas
from ..model.resources import format_bytes, format_hours


class Dimension(str, Enum):
    """What is limited. Amounts are whole numbers, so that sums of them are exact."""

    CPU = "cpu"
    """Thousandths of a processor."""
    MEMORY = "memory"
    """Bytes."""
    GPU = "gpu"
    INSTANCES = "instances"
    EXECUTIONS = "executions"
    CPU_HOURS = "cpu_hours"
    """Thousandths of a processor for a second."""

    @property
    def unit(self) -> int:
        """How many of what is counted make one of what people write."""
        return _UNITS.get(self, 1)

    def tell(self, amount: int) -> str:
        """An amount for people."""
        if self is Dimension.MEMORY:
            return format_bytes(amount)
        number = amount / self.unit
        shown = format_hours(number) if self is Dimension.CPU_HOURS else f"{round(number, 3):.12g}"
        return f"{shown} {_WORDS[self] if shown != '1' else _WORDS[self].removesuffix('s')}"

    def plain(self, amount: int) -> float:
        """An amount as administrators write it."""
        number = amount / self.unit
        return int(number) if number == int(number) else number


_UNITS = {Dimension.CPU: 1000, Dimension.CPU_HOURS: 1000 * 3600}
_WORDS = {
    Dimension.CPU: "CPU",
    Dimension.GPU: "GPU",
    Dimension.INSTANCES: "instances",
    Dimension.EXECUTIONS: "executions",
    Dimension.CPU_HOURS: "CPU hours",
}


class Subject(NamedTuple):
    """Whose quota it is."""

    kind: str
    """``user`` or ``group``."""
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Bound(NamedTuple):
    """One limit."""

    limit: int
    source: str
    """Where it was said: ``everybody``, ``group students`` or ``user alice``."""


@dataclass(frozen=True)
class Allowance:
    """What one subject may have. What is not in `bounds` is not limited."""

    subject: Subject
    bounds: Mapping[Dimension, Bound]
    window: int = WINDOW
    """Seconds in which hours of processors are counted."""
    unread: tuple[str, ...] = ()
    """What is said beside, and cannot be read: until it is known, nothing more is granted."""

    def tell(self, dimension: Dimension) -> str:
        """The limit for people, such as ``16 CPU`` or ``200 CPU hours in 30 days``."""
        text = dimension.tell(self.bounds[dimension].limit)
        if dimension is Dimension.MEMORY:
            text += " of memory"
        return f"{text} in {format_seconds(self.window)}" if dimension is Dimension.CPU_HOURS else text


class Rules:
    """The quotas in force. Equal where they say the same."""

    def __init__(self, quotas: Quotas | None = None, default: Limits = Limits()) -> None:  # noqa: B008
        self.quotas = quotas or Quotas.none()
        self.default = default
        """For everybody, where nothing else is said."""
        self._together = {
            name: Allowance(
                Subject("group", name),
                _bounds([(f"group {name}", limits.together)]),
                _window(limits.together),
                limits.together.unread,
            )
            for name, limits in self.quotas.groups.items()
        }
        said = self.quotas.users or self.quotas.groups or self.quotas.everybody != Limits() or self.default != Limits()
        self._nothing = not said
        """Nothing is limited."""
        self._found: dict[tuple[str, tuple[str, ...]], tuple[Allowance, ...]] = {}
        self._at_once: dict[tuple[str, tuple[str, ...]], tuple[Allowance, ...]] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rules) and (other.quotas, other.default) == (self.quotas, self.default)

    __hash__ = None  # type: ignore[assignment]

    def of(self, user: str, groups: Iterable[str] = ()) -> tuple[Allowance, ...]:
        """All that hold for a user who is in these groups; those that limit something only."""
        key = (user, tuple(groups))
        found = () if self._nothing else self._found.get(key)
        if found is None:
            every = [self.own(user, key[1]), *(self._together[g] for g in sorted(set(key[1])) if g in self._together)]
            found = self._found[key] = tuple(a for a in every if a.bounds or a.unread)
        return found

    def at_once(self, user: str, groups: Iterable[str] = ()) -> tuple[Allowance, ...]:
        """Those that limit more than how many executions there are: all that a scheduler has to ask about."""
        if self._nothing:
            return ()
        key = (user, tuple(groups))
        found = self._at_once.get(key)
        if found is None:
            every = self.of(user, key[1])
            found = self._at_once[key] = tuple(
                each for each in every if each.unread or each.bounds.keys() - {Dimension.EXECUTIONS}
            )
        return found

    def own(self, user: str, groups: Iterable[str] = ()) -> Allowance:
        """What a user may have, whatever the groups may have together."""
        quotas = self.quotas
        levels: list[list[tuple[str, Limits]]] = [
            [(f"user {user}", quotas.users[user])] if user in quotas.users else [],
            [(f"group {name}", quotas.groups[name].each) for name in sorted(set(groups)) if name in quotas.groups],
            [("everybody", quotas.everybody)],
            [("everybody", self.default)],
        ]
        bounds: dict[Dimension, Bound] = {}
        window, decided = WINDOW, set[Dimension]()
        for level in levels:
            said = {d for d in Dimension for _, limits in level if getattr(limits, d.value) is not None}
            for dimension, bound in _bounds(level).items():
                if dimension not in decided:
                    bounds[dimension] = bound
                    if dimension is Dimension.CPU_HOURS:
                        window = next(_window(limits) for source, limits in level if source == bound.source)
            decided |= said
        unread = sorted({name for level in levels for _, limits in level for name in limits.unread})
        return Allowance(Subject("user", user), bounds, window, tuple(unread))

    def together(self, group: str) -> Allowance:
        """What the members of a group may have together."""
        return self._together.get(group) or Allowance(Subject("group", group), {})


def _bounds(level: list[tuple[str, Limits]]) -> dict[Dimension, Bound]:
    """The most that any of these allows, where all of those that say something say a number."""
    found: dict[Dimension, Bound] = {}
    for dimension in Dimension:
        said = [(source, getattr(limits, dimension.value)) for source, limits in level]
        said = [(source, value) for source, value in said if value is not None]
        if said and not any(value == UNLIMITED for _, value in said):
            source, value = max(said, key=lambda each: each[1])
            found[dimension] = Bound(round(value * dimension.unit), source)
    return found


def _window(limits: Limits) -> int:
    return limits.window or WINDOW
