"""What the elastic policy knows of one application, and of those among which only the order counts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..cluster import Application
from ..requests import Request
from ..shapes import Shape

if TYPE_CHECKING:
    from .growing import Alike

Key = tuple[float, float, str]
"""The place among applications of one group: the order's key, the time of submission, the id."""


@dataclass(eq=False)
class Group:
    """Applications among which only the order counts: of one class and, where users share, of one user."""

    priority: int
    user: str
    weight: float
    line: list[Key] = field(default_factory=list)
    """All that wait, in order, where that does not change with time."""
    holders: list[Key] = field(default_factory=list)
    """Those that hold elastic instances."""
    asking: list[tuple[float, float, str]] = field(default_factory=list)
    """A heap of those that look for what others could give back: when they do, their submission, and the id."""
    of: float = -math.inf
    """The moment of the places of those that are served, where these change with time."""

    name: tuple[int, str, float] = field(init=False)
    """As long as it has applications and after that."""

    def __post_init__(self) -> None:
        self.name = self.priority, self.user, self.weight


@dataclass(eq=False)
class Entry:
    """What is known of one application, and where it is kept."""

    application: Application
    request: Request
    group: Group
    key: Key
    waiting: bool = False
    holding: bool = False
    growing: bool = False
    alike: Alike | None = None
    """Where it wishes more: with others that wish the same."""
    grows_as: Key | None = None
    """Its key there."""
    end: float | None = None
    asks_at: float | None = None
    """As it is among those that ask."""
    gives: tuple[float, list[tuple[int, Shape]]] | None = None
    """When it ends with what it holds, and what of other cores' room that gives back, node by node; None: to be found
    anew."""
