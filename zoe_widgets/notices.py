"""What is said without having been asked for: a cluster grew, its end is near, another one took its place.

In a notebook it looks like a notice, and is sent past everything by which a cell may catch what it shows: `%%capture`
and `redirect_stdout` hold what the cell made, and nothing of ours. It stands below the cell that it is about. A
program, and IPython in a terminal, get a line on standard error, where red means nothing.
"""

from __future__ import annotations

import html
import sys
from typing import Any

from . import style


def say(sentence: str, state: str = "starting") -> None:
    """A line in the notebook, also while no cell runs, in the colour of this state. From any thread."""
    kernel = _kernel()
    if kernel is None:
        print(sentence, file=sys.stderr, flush=True)
        return
    page = style.line(style.CODE.sub(r"<code>\1</code>", html.escape(sentence)), state=state)
    content = {"data": {"text/html": page, "text/plain": sentence}, "metadata": {}, "transient": {}}
    # Not by `display`: that is what `%%capture` takes the place of.
    kernel.send_response(kernel.iopub_socket, "display_data", content)


def _kernel() -> Any:
    """What this process talks to a notebook by; None where there is none, or one of another kind."""
    interactive = sys.modules.get("IPython.core.getipython")
    shell = interactive.get_ipython() if interactive is not None else None
    kernel = getattr(shell, "kernel", None)
    return kernel if getattr(kernel, "iopub_socket", None) is not None and hasattr(kernel, "send_response") else None
