"""What is shown under the cell while something takes its time."""

from __future__ import annotations

import asyncio
import html
import sys
import time
import uuid
from collections.abc import Callable

from zoe_hub.client.views import ExecutionView
from zoe_hub.model.execution import ExecutionState, InstanceState

from . import style
from .portal import Caller

TICK = 1.0
"""Seconds between updates while nothing happens."""


class Progress:
    """Progress of one execution. Used in the portal's loop; draws at the caller's.

    The seconds of each stage are measured here, from the call on.
    """

    def __init__(self, caller: Caller, title: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._caller = caller
        self._clock = clock
        self._title = title
        self._display = Display()
        self._stages: list[tuple[str, float]] = [("asking", clock())]
        self._view: ExecutionView | None = None
        self._note = ""
        self._last_drawn = ""
        self._ticker: asyncio.Task[None] | None = None
        self._state = "queued"

    def start(self) -> None:
        """Begin to draw, every second from now on."""
        self._draw()
        self._ticker = asyncio.get_running_loop().create_task(self._tick())

    def stop(self) -> None:
        """Draw no more by itself."""
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None

    def seen(self, view: ExecutionView, note: str = "") -> None:
        """The execution is like this now."""
        self._view, self._title, self._note = view, view.name, note
        self._state = view.state.value
        if view.state in (ExecutionState.QUEUED, ExecutionState.STARTING, ExecutionState.STOPPING):
            self._enter(view.state.value)
        self._draw()

    def stage(self, name: str, note: str = "") -> None:
        """Enter a stage of our own, such as connecting."""
        self._enter(name)
        self._note = note
        self._draw()

    def finish(self, note: str, *, state: str | None = None) -> None:
        """The last word."""
        self.stop()
        self._enter("")
        self._note = note
        self._state = state or self._state
        self._draw()

    def _enter(self, name: str) -> None:
        if self._stages[-1][0] != name:
            self._stages.append((name, self._clock()))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self._draw()

    def _draw(self) -> None:
        headline, seconds = self._headline(), self._seconds()
        fresh, self._last_drawn = headline != self._last_drawn, headline
        text = f"{headline}\n  {seconds}" if seconds else headline
        body = style.CODE.sub(r"<code>\1</code>", html.escape(self._sentence()))
        page = style.notice(state=self._state, title=self._title, body=body, small=seconds, live=fresh)
        self._caller.show(lambda: self._display.update(page, text, headline))

    def _headline(self) -> str:
        return f"{self._title}: {self._sentence()}"

    def _sentence(self) -> str:
        stage = self._stages[-1][0]
        parts = [self._note or stage]
        if self._view is not None and (stage or not self._note):
            parts += [part for part in (sizes(self._view), waiting_for(self._view)) if part]
        return " · ".join(parts)

    def _seconds(self) -> str:
        ends = [begin for _, begin in self._stages[1:]] + [self._clock()]
        spans = [(name, end - begin) for (name, begin), end in zip(self._stages, ends, strict=True) if name]
        return ", ".join(f"{name} {span:.1f} s" for name, span in spans if span >= 0.05)


def sizes(view: ExecutionView) -> str:
    """Workers asked, granted, ready, and why they differ; empty where there are none to count."""
    if not view.plan.scales:
        return ""
    label = view.plan.scales.replace("_", " ")
    if view.state is ExecutionState.QUEUED:
        said = (f"{label}: {view.asked} asked", view.reason, f"starts {view.starts}" if view.starts else "")
        return " · ".join(part for part in said if part)
    if view.allowed < view.asked:
        granted = f"granted {view.allowed} of {view.asked}"
        if view.reason:  # the scheduler's own sentence begins with the numbers
            granted = f"granted {view.reason}" if view.reason[0].isdigit() else f"{granted}: {view.reason}"
        return f"{label}: {view.ready} ready, {granted}"
    return f"{label}: {view.ready} of {view.asked} ready"


def waiting_for(view: ExecutionView) -> str:
    """Which processes a start still waits for."""
    if view.state is not ExecutionState.STARTING:
        return ""
    ready = {i.process for i in view.instances if i.state is InstanceState.READY}
    missing = [p.title or p.key for p in view.plan.processes if p.core and p.key not in ready]
    return f"waiting for {', '.join(missing)}" if missing else ""


class Display:
    """One output that changes: HTML under a cell; elsewhere a line whenever there is something new."""

    def __init__(self) -> None:
        self._id: str | None = None
        self._printed = ""

    def update(self, page: str, text: str, headline: str) -> None:
        """Show this instead of what was shown before."""
        interactive = sys.modules.get("IPython.core.getipython")
        shell = interactive.get_ipython() if interactive is not None else None
        if shell is not None and hasattr(shell, "kernel"):
            from IPython.display import display, update_display

            bundle = {"text/html": page, "text/plain": text}
            if self._id is None:
                self._id = uuid.uuid4().hex
                display(bundle, raw=True, display_id=self._id)  # type: ignore[no-untyped-call]
            else:
                update_display(bundle, raw=True, display_id=self._id)  # type: ignore[no-untyped-call]
        elif headline != self._printed:
            self._printed = headline
            print(headline, file=sys.stderr)
