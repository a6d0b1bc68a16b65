"""Whether an execution's time is up. Pure: points in time are seconds since any one moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from ..model.lifetime import ExpiryCause, Lifetime


class Act(str, Enum):
    """What is to be done."""

    NOTHING = "nothing"
    WARN = "warn"
    """Tell its owner that it ends at `at` because of `cause`."""
    FORGIVE = "forgive"
    """A warning was given, and holds no more."""
    END = "end"


@dataclass(frozen=True)
class Lived:
    """One running execution: when it began to run, worked last, is kept until, and what its owner was told."""

    lifetime: Lifetime
    tied: bool
    began: float
    active: float
    kept: float | None = None
    expires: float | None = None
    cause: ExpiryCause | None = None


@dataclass(frozen=True)
class Verdict:
    """What is to be done; for a warning or an end, the moment and why."""

    act: Act
    at: float = 0.0
    cause: ExpiryCause | None = None


@dataclass(frozen=True)
class _Deadline:
    at: float
    cause: ExpiryCause
    notice: float
    """Seconds between the warning and the end."""


def judge(life: Lived, now: float) -> Verdict:
    """What is to be done now.

    Nothing ends without a warning, and not before the warning's notice is over, however long nobody looked. The
    notice is the lifetime's `warning`, but at most half of the span that it is about.
    """
    first = min(_deadlines(life), key=lambda deadline: deadline.at, default=None)
    if first is None:
        return Verdict(Act.NOTHING if life.expires is None else Act.FORGIVE)
    if life.expires is not None and life.cause is first.cause and first.at <= life.expires:
        return Verdict(Act.NOTHING if now < life.expires else Act.END, life.expires, first.cause)
    if now >= first.at - first.notice:
        return Verdict(Act.WARN, max(first.at, now + first.notice), first.cause)
    return Verdict(Act.NOTHING if life.expires is None else Act.FORGIVE)


def _deadlines(life: Lived) -> Iterator[_Deadline]:
    idle = life.lifetime.idle_while(life.tied)
    if idle:
        at = max(life.active + idle, life.began if life.kept is None else life.kept)
        yield _Deadline(at, ExpiryCause.IDLE, min(life.lifetime.warning, idle / 2))
    longest = life.lifetime.maximum
    if longest:
        yield _Deadline(life.began + longest, ExpiryCause.MAXIMUM, min(life.lifetime.warning, longest / 2))
