"""Spans of time: seconds in the model, words such as ``2h`` or ``90 min`` for people."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

_UNITS = {
    "": 1,
    "s": 1, "sec": 1, "second": 1, "seconds": 1,
    "m": 60, "min": 60, "minute": 60, "minutes": 60,
    "h": 3600, "hour": 3600, "hours": 3600,
    "d": 86_400, "day": 86_400, "days": 86_400,
    "w": 604_800, "week": 604_800, "weeks": 604_800,
}  # fmt: skip
_PART = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)\s*([a-z]*)\s*")
_NEVER = frozenset({"never", "none"})
LONGEST = 10 * 366 * 86_400
"""Seconds. Longer spans are mistakes, and leave what calendars can say."""


def parse_seconds(value: object) -> int:
    """Read a span of time: a number of seconds, or text such as ``2h``, ``90 min``, ``1 h 30 min``, ``never`` (0).

    Fractions of a second are rounded up. Raises ValueError with the accepted forms when the text is none of them.
    """
    seconds = _exact(value)
    if not 0 <= seconds <= LONGEST:
        raise ValueError(f"{_short(value)} is no span of time; it must be between 0 and 10 years")
    return -int(-seconds // 1)


def parse_span(value: object) -> int:
    """As `parse_seconds`, of what ends: where 0 is at once or not at all, ``never`` would be the opposite."""
    if isinstance(value, str) and value.strip().lower() in _NEVER:
        raise ValueError(f"{value.strip()!r} is no span of time here; write how long, such as 10 min or 2h")
    return parse_seconds(value)


def _exact(value: object) -> Fraction:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not -LONGEST <= value <= LONGEST:
            raise ValueError(f"{_short(value)} is no span of time; it must be between 0 and 10 years")
        return Fraction(value)
    text = value.strip().lower() if isinstance(value, str) and len(value) <= 100 else ""
    if text in _NEVER:
        return Fraction(0)
    total, place = Fraction(0), 0
    while text and (match := _PART.match(text, place)) and match[2] in _UNITS:
        if not match[2] and match[0] != text:
            break  # only a number that stands alone has no unit
        total += Fraction(match[1]) * _UNITS[match[2]]
        place = match.end()
        if place == len(text):
            return total
    raise ValueError(f"{_short(value)} is no span of time; write a number and a unit, such as 90 min, 2h or 1 day")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def format_seconds(seconds: float) -> str:
    """Write a span of time for people, such as ``60 minutes``; whole seconds are read back as the same span."""
    left = round(seconds)
    parts: list[str] = []
    # Two of the larger unit at least: people say 90 minutes and 36 hours.
    for name, size, least in (("day", 86_400, 2), ("hour", 3600, 2), ("minute", 60, 2), ("second", 1, 1)):
        count = left // size
        if count >= (1 if parts else least):
            parts.append(f"{count} {name}{'' if count == 1 else 's'}")
            left -= count * size
    return " ".join(parts) or "0 seconds"


_SCHEMA = {"anyOf": [{"type": "number", "minimum": 0, "maximum": LONGEST}, {"type": "string"}]}

Seconds = Annotated[int, BeforeValidator(parse_seconds), Field(ge=0), WithJsonSchema(_SCHEMA, mode="validation")]

Span = Annotated[int, BeforeValidator(parse_span), Field(ge=0), WithJsonSchema(_SCHEMA, mode="validation")]
"""Of what ends."""
