"""The live card of a cluster under a cell: an anywidget, where that and its built module are there."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoe_hub.client.views import ExecutionView
from zoe_hub.model.errors import InvalidRequest, ZoeError

from . import adapting
from .portal import beside, portal

if TYPE_CHECKING:
    from .attachments import Attached
    from .core import Core

MIME = "application/vnd.zoe.execution.v1+json"
"""`{execution, name}` of one, `{kernel}` of all that are attached to it. `ui/packages/labextension` shows it."""
MODULE = Path(__file__).parent / "static" / "cluster.js"
STYLE = MODULE.with_suffix(".css")
WORK = MODULE.with_name("work.js")
LONGEST = 1_000_000
"""Of workers that may be asked for; the service knows better, and refuses."""


@functools.lru_cache(maxsize=1)
def widget_class() -> type[Any] | None:
    """The widget's class; None where it cannot be shown, and HTML has to do."""
    if not MODULE.exists():
        return None
    try:
        import anywidget
        import traitlets
    except ImportError:
        return None

    class ClusterWidget(anywidget.AnyWidget):
        """Shows `execution`, a document as the REST interface has it, and sends what is clicked."""

        _esm = MODULE
        _css = STYLE
        execution = traitlets.Dict().tag(sync=True)

    return ClusterWidget


@functools.lru_cache(maxsize=1)
def work_class() -> type[Any] | None:
    """The class of what shows running tasks; None where it cannot be shown."""
    if not WORK.exists():
        return None
    try:
        import anywidget
        import traitlets
    except ImportError:
        return None

    class WorkWidget(anywidget.AnyWidget):
        """Shows `work`, a picture of `zoe_widgets.tasks`, and says when its button is clicked."""

        _esm = WORK
        _css = WORK.with_suffix(".css")
        work = traitlets.Dict().tag(sync=True)

    return WorkWidget


def widget_for(core: Core, attached: Attached) -> Any | None:
    """The live card of what is attached; None where there can be none. One for all the cells that show it."""
    made = widget_class()
    if made is None:
        return None
    if isinstance(attached.card, made) and attached.card.comm is not None:
        return attached.card
    shown = attached.card = made(execution=document(attached.view))
    answer_beside_cells(shown)

    def saw(view: ExecutionView) -> None:
        shown.execution = document(view)

    # As long as the notebook lives: a card may be shown again.
    attached.watchers.append(saw)
    shown.on_msg(lambda _, content, buffers: _Asked(core, attached, lambda said: shown.send(said)).take(content))
    return shown


def answer_beside_cells(shown: Any) -> None:
    """Let what is clicked arrive while a cell runs: in the subshell that the page has chosen.

    ipykernel 7.4 sends answers to where the widget last spoke, which is the cell that shows it.
    """
    if hasattr(shown.comm, "_reply_subshell_for"):
        shown.comm._reply_subshell_for = lambda data, chosen: chosen


def bundle_for(
    core: Core, attached: Attached, fallback: Callable[[], tuple[str, str]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What IPython displays of a cluster: its name for JupyterLab's panel, which asks the service how it is and so does
    not need this kernel; a card that this kernel feeds, where one can be made; and the HTML and the text of `fallback`.
    """
    shown = widget_for(core, attached)
    made = None if shown is None else shown._repr_mimebundle_()
    bundle, more = ({}, {}) if made is None else made
    page, text = fallback()
    name = {"execution": attached.id, "name": attached.view.name}
    return {**bundle, MIME: name, "text/html": page, "text/plain": text}, more


def bundle_for_all(core: Core, page: str, text: str) -> dict[str, Any]:
    """The same of all that is attached to this notebook."""
    kernel = core.settings.kernel
    return {**({MIME: {"kernel": kernel}} if kernel else {}), "text/html": page, "text/plain": text}


def document(view: ExecutionView) -> dict[str, Any]:
    """The view as the REST interface writes it."""
    written: dict[str, Any] = json.loads(view.model_dump_json())
    return written


class _Asked:
    """What somebody clicked. Answered in the portal's loop, so that a running cell does not hold it up."""

    def __init__(self, core: Core, attached: Attached, send: Callable[[dict[str, Any]], None]) -> None:
        self._core = core
        self._attached = attached
        self._send = send

    def take(self, content: Any) -> None:
        """A message `{id, do, …}`; answered by `{id, error}`, where `error` is empty if it went well."""
        if not isinstance(content, dict) or "id" not in content:
            return
        future = portal.submit(self._do(content))
        future.add_done_callback(lambda done: self._send({"id": content["id"], "error": _sentence(done.exception())}))

    def _do(self, content: dict[str, Any]) -> Coroutine[Any, Any, None]:
        client, execution = self._core.client, self._attached.id
        number = content.get("number")

        async def do() -> None:
            match content.get("do"):
                case "scale" if isinstance(number, int) and 0 <= number <= LONGEST:
                    self._saw(await client.modify(execution, {self._parameter: number}))
                case "keep" if isinstance(number, int):
                    self._saw(await client.keep(execution, number))
                case "adapt":
                    bounds = adapting.bounds(content.get("minimum"), content.get("maximum"), None)
                    self._saw(await client.adapt(execution, bounds))
                case "detach":
                    await self._core.detach(beside(asyncio.get_running_loop()), self._attached)
                    self._saw(await client.execution(execution))
                case "stop_adapting":
                    self._saw(await client.adapt_no_more(execution))
                case "terminate":
                    self._core.check_not_ourselves(self._attached)
                    self._saw(await client.terminate(execution))
                case _:
                    raise InvalidRequest("The card asked for something that this version of Zoe does not know.")

        return do()

    @property
    def _parameter(self) -> str:
        """The one that changes the number of workers. Raises InvalidRequest where there is none."""
        if self._attached.view.plan.scales is None:
            raise InvalidRequest(f"{self._attached.view.name} has one size.")
        return self._attached.view.plan.scales

    def _saw(self, view: ExecutionView) -> None:
        self._attached.saw(view)


def _sentence(error: BaseException | None) -> str:
    if error is None:
        return ""
    return str(error) if isinstance(error, ZoeError) else f"{type(error).__name__}: {error}"
