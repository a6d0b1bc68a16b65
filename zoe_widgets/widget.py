"""The live card of a cluster under a cell: an anywidget, where that and its built module are there."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .asked import Asked, document

if TYPE_CHECKING:
    from .attachments import Attached
    from .core import Core

MIME = "application/vnd.zoe.execution.v1+json"
"""`{execution, name}` of one, `{kernel}` of all that are attached to it. `ui/packages/labextension` shows it."""
MODULE = Path(__file__).parent / "static" / "cluster.js"
STYLE = MODULE.with_suffix(".css")
WORK = MODULE.with_name("work.js")


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
        """Shows `execution`, a document as the REST interface has it, and sends what is clicked.

        `away`: the service does not answer, so that it may be old.
        """

        _esm = MODULE
        _css = STYLE
        execution = traitlets.Dict().tag(sync=True)
        away = traitlets.Bool(False).tag(sync=True)

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
    shown = made(execution=document(attached.view), away=attached.away)
    answer_beside_cells(shown)
    Asked(core, attached, shown)
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
