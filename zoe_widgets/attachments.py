"""What is attached to this kernel, and what of it needs a look before the next cell."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from zoe_hub.client.views import ExecutionView

from .links import Link

attention = threading.Event()
"""Set when some attachment needs a look before the next cell."""


@dataclass(eq=False)
class Attached:
    """One execution, this kernel's connections to it and the names that they put into the namespace."""

    view: ExecutionView
    links: list[Link] = field(default_factory=list, repr=False)
    found: bool = False
    """Connected at this kernel's start, and not asked for in a cell since."""
    suspect: bool = False
    """Something of it was started again, so that the connection may be dead."""
    watched: bool = False
    card: Any = field(default=None, repr=False)
    """The widget that shows it, made when it is first shown."""
    away: bool = False
    """The service does not answer, so that the view may be old."""
    watchers: list[Callable[[ExecutionView], None]] = field(default_factory=list, repr=False)
    """Told whenever it is seen, or cannot be seen any more, in whichever thread that is."""

    @property
    def id(self) -> str:
        return self.view.id

    @property
    def names(self) -> dict[str, Any]:
        """Names in the namespace, with the values that were put there."""
        return {name: value for link in self.links for name, value in link.names.items()}

    @property
    def current(self) -> bool:
        """Whether it is connected, as far as is known to what lives."""
        return bool(self.links) and not self.suspect and not self.view.state.ended

    def doubt(self) -> None:
        """Something of it was started again."""
        self.suspect = True
        attention.set()

    def saw(self, view: ExecutionView) -> None:
        """The execution is like this now. Asks for attention when it has ended while connected."""
        self.view = view
        for told in self.watchers:
            told(view)
        if self.links and view.state.ended:
            attention.set()

    def reached(self, there: bool) -> None:
        """Whether the service answers."""
        if self.away is there:
            self.away = not there
            for told in self.watchers:
                told(self.view)


class Attachments:
    """By execution, in the order in which they were attached."""

    def __init__(self) -> None:
        self._all: dict[str, Attached] = {}

    def __iter__(self) -> Iterator[Attached]:
        return iter(list(self._all.values()))

    def __len__(self) -> int:
        return len(self._all)

    def get(self, execution: str) -> Attached | None:
        """By identifier or name."""
        return self._all.get(execution) or next((a for a in self._all.values() if a.view.name == execution), None)

    def add(self, view: ExecutionView) -> Attached:
        """The one of this execution, new or known."""
        attached = self._all.setdefault(view.id, Attached(view))
        attached.saw(view)
        return attached

    def remove(self, attached: Attached) -> None:
        """Forget it. A second call does nothing."""
        self._all.pop(attached.id, None)
