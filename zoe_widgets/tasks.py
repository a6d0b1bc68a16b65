"""What a cluster is computing for a cell: shown below it while it computes, and gone when it is done."""

from __future__ import annotations

import html
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from zoe_hub.model.durations import format_seconds
from zoe_hub.model.resources import format_bytes

from . import notices
from .links import Link

Report = Mapping[str, Any]
"""What a framework's client module tells of one operation: `operation`, its identifier; `stages`, each with `id`,
`tasks`, `completed` and `bytes` read; `running`, tasks at work now; `done`, that nothing more comes."""

OFF = frozenset({"0", "off", "false", "no"})
SHOWN = 4
"""Stages that have a line of their own."""


class Switch:
    """Whether progress is shown: by ZOE_PROGRESS at first."""

    def __init__(self) -> None:
        self.on = os.environ.get("ZOE_PROGRESS", "").strip().lower() not in OFF


switch = Switch()


def watch(link: Link, name: str) -> None:
    """Show what goes on over this connection, where its client module can tell."""
    watching = getattr(link.module, "watch", None)
    if watching is not None:
        cancel = getattr(link.module, "cancel", None)
        stop = None if cancel is None else lambda operation: cancel(link.names, operation)
        watching(link.names, Operations(name, stop).take)


class Operations:
    """The operations of one connection, each with a display of its own."""

    def __init__(
        self,
        name: str,
        cancel: Callable[[str], object] | None,
        *,
        make: Callable[[], Display | None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._cancel = cancel
        self._make = make or display_here
        self._clock = clock
        self._open: dict[str, tuple[Display, float]] = {}
        self._broken = False

    def take(self, report: Report) -> None:
        """Called in the thread that waits for the result, which must go on whatever happens to what is shown."""
        try:
            self._take(report)
        except Exception as error:  # the display's; the query has nothing to do with it
            if not self._broken:
                self._broken = True
                what = f"The progress of {self._name} cannot be shown: {type(error).__name__}: {error}"
                notices.say(what, "degraded")

    def _take(self, report: Report) -> None:
        operation = str(report["operation"])
        known = self._open.get(operation)
        if report["done"]:
            if known is not None:
                del self._open[operation]
                known[0].clear()
            return
        if self._broken or not switch.on or not report["stages"]:
            return
        if known is None:
            made = self._make()
            if made is None:
                return
            known = self._open[operation] = (made, self._clock())
            made.on_cancel(None if self._cancel is None else lambda: self._stop(operation))
        display, begun = known
        display.show(picture(self._name, report, self._clock() - begun))

    def _stop(self, operation: str) -> None:
        assert self._cancel is not None
        cancel = self._cancel

        def run() -> None:
            try:
                cancel(operation)
            except Exception as error:  # the framework's; what it means is in its words
                what = f"{self._name} could not be told to cancel: {type(error).__name__}: {error}"
                notices.say(what, "degraded")

        # The answer may take its time, and the page waits for none.
        threading.Thread(target=run, name="zoe-cancel", daemon=True).start()


def picture(name: str, report: Report, seconds: float) -> dict[str, Any]:
    """What is shown: figures for all of it, and the stages that are at work."""
    stages = list(report["stages"])
    tasks, completed = sum(s["tasks"] for s in stages), sum(s["completed"] for s in stages)
    under_way = [s for s in stages if s["completed"] < s["tasks"]]
    read = sum(s["bytes"] for s in stages)
    parts = [f"{completed} of {tasks} tasks", f"{report['running']} running"]
    parts += [f"{format_bytes(read)} read"] if read else []
    parts.append(format_seconds(seconds))
    return {
        "name": name,
        "tasks": tasks,
        "completed": completed,
        "sentence": " · ".join(parts),
        "stages": [
            {"id": s["id"], "tasks": s["tasks"], "completed": s["completed"], "bytes": format_bytes(s["bytes"])}
            for s in under_way[:SHOWN]
        ],
        "more": max(0, len(under_way) - SHOWN),
    }


def page(shown: Mapping[str, Any]) -> str:
    """The same as HTML, for where there are no widgets."""
    bar = (
        f'<progress max="{shown["tasks"]}" value="{shown["completed"]}" '
        f'aria-label="{html.escape(shown["name"])}"></progress>'
    )
    return f"<div><b>{html.escape(shown['name'])}</b> {bar} {html.escape(shown['sentence'])}</div>"


class Display:
    """One output of the cell that is being run, that changes and in the end is empty."""

    def __init__(self, widget: Any | None) -> None:
        self._widget = widget
        self._id = uuid.uuid4().hex
        self._begun = False
        self._cancel: Callable[[], None] | None = None
        if widget is not None:
            widget.on_msg(self._clicked)

    def on_cancel(self, cancel: Callable[[], None] | None) -> None:
        """What the button does; None: there is none."""
        self._cancel = cancel

    def show(self, shown: Mapping[str, Any]) -> None:
        text = f"{shown['name']}: {shown['sentence']}"
        if self._widget is not None:
            self._widget.work = {**shown, "cancel": self._cancel is not None}
            if not self._begun:
                bundle = self._widget._repr_mimebundle_()[0]
                self._publish({**bundle, "text/html": page(shown), "text/plain": text})
        else:
            self._publish({"text/html": page(shown), "text/plain": text})

    def clear(self) -> None:
        if self._begun:
            self._publish({"text/html": "", "text/plain": ""})
        if self._widget is not None:
            self._widget.close()

    def _clicked(self, _: Any, content: Any, buffers: Any) -> None:
        if content == {"do": "cancel"} and self._cancel is not None:
            self._cancel()

    def _publish(self, bundle: dict[str, Any]) -> None:
        from IPython.display import publish_display_data

        publish_display_data(bundle, transient={"display_id": self._id}, update=self._begun)  # type: ignore[no-untyped-call]
        self._begun = True


def display_here() -> Display | None:
    """A display where there is a notebook; None elsewhere."""
    interactive = sys.modules.get("IPython.core.getipython")
    shell = interactive.get_ipython() if interactive is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    from . import widget

    made = widget.work_class()
    if made is None:
        return Display(None)
    shown = made()
    widget.answer_beside_cells(shown)
    return Display(shown)
