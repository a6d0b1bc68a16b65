"""The IPython extension: loaded at every kernel's start, so it imports nothing that takes time."""

from __future__ import annotations

import os
import sys
from typing import Any

_hooks: dict[int, Any] = {}


def load(shell: Any) -> None:
    """Register the magic, and inside a Zoe server the hook that runs before each cell."""
    shell.register_magic_function(_zoe, "line", "zoe")
    if os.environ.get("ZOE_API_URL") and id(shell) not in _hooks:
        hook = _hooks[id(shell)] = BeforeCell()
        shell.events.register("pre_run_cell", hook)


def unload(shell: Any) -> None:
    """Remove them."""
    shell.magics_manager.magics["line"].pop("zoe", None)
    hook = _hooks.pop(id(shell), None)
    if hook is not None:
        shell.events.unregister("pre_run_cell", hook)


def _zoe(line: str) -> Any:
    """Clusters for this notebook. `%zoe` alone shows the help."""
    from . import magics

    return magics.run(line)


class BeforeCell:
    """Before the first cell: connect what is attached to this notebook. Later: see to what has changed since."""

    def __init__(self) -> None:
        self._first = True

    def __call__(self, info: Any = None) -> None:
        if self._first:
            self._first = False
            from . import restore

            restore.find_attachments()
            return
        attachments = sys.modules.get("zoe_widgets.attachments")
        if attachments is not None and attachments.attention.is_set():
            from . import restore

            restore.look_after_attachments()
