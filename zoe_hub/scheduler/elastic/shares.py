"""What users hold, as the share of all machines by which they are compared."""

from __future__ import annotations

from collections.abc import Mapping

from ..shapes import Shape
from .entries import Group


class Shares:
    """Weighted dominant shares (Ghodsi et al., NSDI 2011) of amounts that somebody else keeps, by user."""

    def __init__(self, amounts: Mapping[str, Shape], total: Shape, *, fair: bool) -> None:
        self._amounts = amounts
        self._total = total
        self._fair = fair
        """Whether users share; otherwise all are equal."""
        self._known: dict[str, tuple[Shape, float]] = {}

    def of(self, group: Group) -> float:
        """That of a group's user, by the group's weight."""
        held = self._amounts.get(group.user) if self._fair else None
        if held is None:
            return 0.0
        # Another amount is another object.
        pair = self._known.get(group.user)
        if pair is None or pair[0] is not held:
            pair = self._known[group.user] = held, held.dominant_share(self._total)
        return pair[1] / group.weight
