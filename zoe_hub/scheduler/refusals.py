"""Why a quota does not allow what was asked for, in a sentence and in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..model.durations import format_seconds
from .allowances import Allowance, Dimension

_NAMED = 4
"""Executions that a sentence names; of further ones it says how many."""


@dataclass(frozen=True)
class Refusal:
    """What is in the way of a wish."""

    allowance: Allowance
    dimension: Dimension
    used: int
    asked: int
    """What was asked for beyond what is used. 0 where nothing was: the limit was lowered, or hours went by."""
    by: tuple[tuple[str, int], ...]
    """Executions of the same user, the largest first, and what each uses."""
    others: int
    """What other members of the group use; by which executions is none of this user's business."""
    name: str
    """The execution for which it was asked."""
    never: bool = False
    """Whether it cannot be granted, whatever else ends."""
    free_in: int | None = None
    """Seconds after which hours that are used up leave the window, where that is known."""

    @property
    def limit(self) -> int:
        return self.allowance.bounds[self.dimension].limit

    @property
    def unread(self) -> str:
        """What of the quota cannot be read, where that is the reason."""
        return _listed([repr(name) for name in self.allowance.unread])

    def __str__(self) -> str:
        if self.unread and not self.never:
            whose = (
                f"of the group {self.allowance.subject.name}" if self.allowance.subject.kind == "group" else "for you"
            )
            return (
                f"The quota that is stored {whose} says {self.unread}, which this version of Zoe cannot read; until an "
                "administrator sets it again, nothing more is granted."
            )
        told = self.dimension.tell
        group = self.allowance.subject.kind == "group"
        mine = f"{'the' if group else 'your'} quota of {self.allowance.tell(self.dimension)}"
        mine += f" of the group {self.allowance.subject.name}" if group else ""
        quota = mine[0].upper() + mine[1:]
        if self.never:
            return (
                f"{self.name} asks for {told(self.asked)}, which is more than {mine}. Ask for less, or ask an "
                "administrator for more."
            )
        if self.dimension is Dimension.CPU_HOURS:
            more = f"There will be some again in {format_seconds(_rough(self.free_in))}; " if self.free_in else ""
            advice = "An administrator can give more." if not more else "an administrator can give more before."
            return f"{quota} is used up{self._users(', by ')}. {more}{advice}"
        advice = "Terminate or shrink one of these, or ask an administrator."
        if self.dimension is Dimension.EXECUTIONS:
            advice = advice.replace("or shrink ", "")
        if not self.by:
            advice = "Wait until they use less, or ask an administrator."
        if not self.asked:
            return f"{quota} is exceeded: it is used{self._users(' by ')}. {advice}"
        further = " more" if any(name == self.name for name, _ in self.by) else ""
        wish = "" if self.dimension is Dimension.EXECUTIONS else f"; {self.name} asks for {told(self.asked)}{further}"
        return f"{quota} is used{self._users(' by ')}{wish}. {advice}"

    def _users(self, word: str) -> str:
        """By what it is used."""
        counted = self.dimension is Dimension.EXECUTIONS
        named = [name if counted else f"{name} ({self.dimension.tell(used)})" for name, used in self.by[:_NAMED]]
        rest = self.by[_NAMED:]
        if rest:
            amount = "" if counted else f" ({self.dimension.tell(sum(used for _, used in rest))})"
            named.append(f"{len(rest)} more of yours{amount}")
        if self.others:
            named.append(f"other members ({self.others if counted else self.dimension.tell(self.others)})")
        return word + _listed(named) if named else ""

    def details(self) -> dict[str, Any]:
        """For programs."""
        plain, bound = self.dimension.plain, self.allowance.bounds.get(self.dimension)
        return {
            "subject": str(self.allowance.subject),
            "dimension": self.dimension.value,
            "limit": None if bound is None else plain(bound.limit),
            "source": "" if bound is None else bound.source,
            "used": plain(self.used),
            "asked": plain(self.asked),
            "by": [{"execution": name, "used": plain(amount)} for name, amount in self.by],
            "others": plain(self.others),
        }


def _listed(words: Sequence[str]) -> str:
    return " and ".join([*([", ".join(words[:-1])] if words[:-1] else []), *words[-1:]])


def _rough(seconds: int | None) -> int:
    """Nobody plans by the second."""
    seconds = seconds or 0
    step = 3600 if seconds >= 2 * 86_400 else 60 if seconds >= 120 else 1
    return -(-seconds // step) * step
