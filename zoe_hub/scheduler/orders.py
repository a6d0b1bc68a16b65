"""In which order applications of one class are served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .cluster import Application


class Order(Protocol):
    """Sorts applications: the smallest key comes first."""

    name: str
    still: bool
    """Whether keys of what waits do not change with time."""

    def key(self, application: Application, now: float) -> float:
        """Of one application at a moment, in seconds of the caller's clock."""


class FIFO:
    """First in, first out."""

    name = "fifo"
    still = True

    def key(self, application: Application, now: float) -> float:
        """The moment of its submission."""
        return application.request.submitted
