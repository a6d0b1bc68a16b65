"""How the elastic policy weighs one thing against another."""

from __future__ import annotations

from dataclasses import dataclass

DAY = 86400.0
LONGEST = 32
"""Holds that pass at most between two looks for what others could give back."""
SHORTEST = 1.0
"""Seconds that do at least."""


@dataclass(frozen=True)
class Settings:
    """Times are in seconds."""

    hold: float = 60.0
    """For so long an elastic instance is not taken back so that another user of its class gets one. Longer is calmer;
    shorter gives new users their share sooner."""
    batch: int = 1
    """Elastic instances that one user is given before it is looked who has least."""
    bound: float = 7 * DAY
    """After so much waiting an application comes before all others, and keeps room and quotas. Shorter is fairer to who
    is overtaken, and leaves less to the order."""
    backfill: bool = True
    """Whether others may start before a head that does not fit."""
    fair: bool = True
    """Whether users share; otherwise the order counts for all applications of a class."""

    def pause(self, before: float) -> float:
        """Seconds until the next look for what others could give back, by those that passed before the last one: twice
        as many, within bounds.
        """
        return max(SHORTEST, self.hold, min(2 * before, LONGEST * self.hold))
