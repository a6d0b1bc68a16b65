"""Tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .terminal import harmless, harmless_json, harmless_line

_STYLES = {"running": "green", "queued": "yellow", "degraded": "yellow", "starting": "cyan", "failed": "red"}


def emit(document: Any) -> None:
    """JSON on stdout: one document."""
    print(harmless_json(json.dumps(document, indent=2, ensure_ascii=False, default=str)))


def emit_line(document: Any) -> None:
    """JSON on stdout: one of a stream of documents, a line each."""
    print(harmless_json(json.dumps(document, ensure_ascii=False, default=str)), flush=True)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str) -> None:
    """A table, or a sentence when there are no rows. Cells are plain text; columns without any are left out."""
    found = [list(row) for row in rows]
    if not found:
        print(empty)
        return
    # For pipes: nothing is cut off, however wide. Who forces colours, as notebooks do, has no width either.
    console = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=10_000)
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    used = [number for number in range(len(head)) if any(row[number] for row in found)]
    for number in used:
        # What is typed to name something stays in one piece.
        shown.add_column(escape(head[number]), overflow="fold", no_wrap=number == 0)
    for row in found:
        shown.add_row(*(_cell(row[number]) for number in used))
    console.print(shown)


def say(sentence: str) -> None:
    """A sentence for people, on stderr: stdout stays clean for what was asked for."""
    print(harmless(sentence), file=sys.stderr, flush=True)


def _cell(text: str) -> str:
    style, text = _STYLES.get(text), harmless_line(text)
    return f"[{style}]{escape(text)}[/{style}]" if style else escape(text)
