"""What the blocking and the awaited calls share."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from zoe_hub.client.views import ExecutionView, UIView
from zoe_hub.model.adaptation import Adaptation
from zoe_hub.model.errors import ZoeError

from . import settings as surroundings
from .attachments import Attached
from .core import Core
from .errors import shorten
from .portal import Caller, portal
from .show import LogText, card, line

T = TypeVar("T")

_cores: dict[tuple[int, str, str], Core] = {}
_lock = threading.Lock()


def core_of(settings: surroundings.Settings) -> Core:
    """The one of this process for an address: every `Zoe()` of a kernel shares its attachments."""
    with _lock:
        return _cores.setdefault((os.getpid(), settings.url, settings.token), Core(settings))


def run(make: Callable[[Caller], Coroutine[Any, Any, T]]) -> T:
    """Run it in Zoe's loop and wait here. Its errors are shown without a traceback."""
    try:
        return portal.run(make)
    except (ZoeError, TimeoutError) as error:
        raise shorten(error) from error.__cause__
    except KeyboardInterrupt as interrupt:
        raise shorten(interrupt, "interrupted") from None


async def run_async(make: Callable[[Caller], Coroutine[Any, Any, T]]) -> T:
    """Run it in Zoe's loop and await it in this one."""
    try:
        return await portal.run_async(make)
    except (ZoeError, TimeoutError) as error:
        raise shorten(error) from error.__cause__


class Shown:
    """What clusters show, whichever way they are called."""

    def __init__(self, core: Core, attached: Attached) -> None:
        self._core = core
        self._attached = attached

    @property
    def view(self) -> ExecutionView:
        """The execution as it was last seen; events keep it fresh."""
        return self._attached.view

    @property
    def id(self) -> str:
        return self.view.id

    @property
    def name(self) -> str:
        return self.view.name

    @property
    def zapp(self) -> str:
        return self.view.zapp

    @property
    def state(self) -> str:
        """``running``, ``queued`` and so on."""
        return self.view.state.value

    @property
    def reason(self) -> str:
        """Why it is in this state, for people."""
        return self.view.reason

    @property
    def parameters(self) -> dict[str, Any]:
        return dict(self.view.parameters)

    @property
    def adaptation(self) -> Adaptation | None:
        """Between which sizes it follows its load; None where it stays as large as it is."""
        return self.view.adaptation

    @property
    def workers(self) -> int:
        """How many workers are ready."""
        return self.view.ready

    @property
    def ui(self) -> tuple[UIView, ...]:
        """Its web pages: `title` and `url`, a path at the Hub's address."""
        return self.view.ui

    @property
    def names(self) -> dict[str, Any]:
        """What connecting put into the namespace, such as ``{"spark": …}``."""
        return self._attached.names

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {line(self.view, self.names)}>"

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, Any], dict[str, Any]]:
        """A live card where the notebook can show one, beside the HTML for where it cannot."""
        from .widget import bundle_for

        return bundle_for(self._core, self._attached, lambda: (self._repr_html_(), repr(self)))

    def _repr_html_(self) -> str:
        return card(self.view, self.names)


class Base:
    """Finds Zoe. Raises ServiceUnavailable where there is none."""

    def __init__(self, url: str | None = None, token: str | None = None) -> None:
        try:
            self._core = core_of(surroundings.read(url, token))
        except ZoeError as error:
            raise shorten(error) from None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self._core.settings.url}>"


def read_logs(
    core: Core, name: str, process: str | None, ordinal: int | None, tail: int | None, follow: bool
) -> LogText:
    """Logs, printed as they come when `follow`."""
    if not follow:
        return LogText(run(lambda _: core.read_logs(name, process, ordinal, tail)))

    async def printing(caller: Caller) -> None:
        async for chunk in core.logs(name, process, ordinal, tail):
            text = chunk.decode(errors="replace")
            caller.show(lambda text=text: print(text, end="", file=sys.stdout, flush=True))  # type: ignore[misc]

    run(printing)
    return LogText("")
