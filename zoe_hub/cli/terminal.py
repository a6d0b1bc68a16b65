"""Text of others on a terminal: shown, never obeyed."""

from __future__ import annotations

import re

_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What begins a terminal's commands, ends a line, or turns the order of what follows; but for tab and line feed."""


def harmless(text: str) -> str:
    """The text with such characters written out, as Python does."""
    return _OBEYED.sub(lambda found: repr(found[0])[1:-1], text)


def harmless_line(text: str) -> str:
    """The same on one line, so that what somebody is called cannot look like a line of ours."""
    return harmless(text).replace("\n", "\\n").replace("\t", " ")


def harmless_json(document: str) -> str:
    """A document in JSON with such characters written out, as JSON does: it means the same."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", document)
