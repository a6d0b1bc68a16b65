"""HTML that is readable in light and dark: the page's own text colour, colours only as marks beside words."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

_COLOURS = {
    "queued": "var(--jp-warn-color1, #b26a00)",
    "starting": "var(--jp-info-color1, #0277bd)",
    "running": "var(--jp-success-color1, #2e7d32)",
    "degraded": "var(--jp-warn-color1, #b26a00)",
    "failed": "var(--jp-error-color1, #c62828)",
    "failing": "var(--jp-error-color1, #c62828)",
}
CODE = re.compile("`([^`]+)`")
"""A name within a sentence."""
_BOX = "border-left: 3px solid {colour}; padding: 2px 0 2px 8px; margin: 2px 0;"


def mark(state: str) -> str:
    """A coloured dot and the state in words."""
    colour = _COLOURS.get(state, "currentColor")
    return f'<span aria-hidden="true" style="color: {colour}">●</span> {html.escape(state)}'


def notice(*, state: str, title: str, body: str, small: str = "", live: bool = False) -> str:
    """One line of progress. `body` is HTML; `live`: a screen reader says it."""
    colour = _COLOURS.get(state, "currentColor")
    tail = f'<div aria-hidden="true" style="opacity: 0.7; font-size: 90%">{html.escape(small)}</div>' if small else ""
    polite = "polite" if live else "off"
    return (
        f'<div style="{_BOX.format(colour=colour)}"><div role="status" aria-live="{polite}">'
        f"<b>{html.escape(title)}</b>: {body}</div>{tail}</div>"
    )


def line(body: str, *, state: str) -> str:
    """A sentence by itself, which a screen reader says. `body` is HTML."""
    colour = _COLOURS.get(state, "currentColor")
    return f'<div role="status" style="{_BOX.format(colour=colour)}">{body}</div>'


def card(*, state: str, title: str, rows: Iterable[tuple[str, str]]) -> str:
    """A title and a short table. The values of rows are HTML."""
    colour = _COLOURS.get(state, "currentColor")
    cells = "".join(
        f'<tr><th scope="row" style="text-align: left; font-weight: normal; opacity: 0.7">{html.escape(name)}</th>'
        f'<td style="text-align: left">{value}</td></tr>'
        for name, value in rows
    )
    return (
        f'<div style="{_BOX.format(colour=colour)}"><b>{html.escape(title)}</b> {mark(state)}'
        f'<table style="margin: 4px 0 0">{cells}</table></div>'
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table. The cells are HTML."""
    top = "".join(f'<th scope="col" style="text-align: left">{html.escape(name)}</th>' for name in head)
    body = "".join("<tr>" + "".join(f'<td style="text-align: left">{c}</td>' for c in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def link(url: str, text: str) -> str:
    """A link that opens in a tab of its own; only text when the address is none of the web."""
    if urlsplit(url).scheme not in ("", "http", "https"):
        return html.escape(text)
    return f'<a href="{html.escape(url)}" target="_blank" rel="noopener">{html.escape(text)}</a>'
