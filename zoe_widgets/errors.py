"""Errors in a notebook: one message instead of a traceback through our code."""

from __future__ import annotations

from typing import TypeVar

E = TypeVar("E", bound=BaseException)


def shorten(error: E, message: str | None = None) -> E:
    """The same error, which IPython shows without a traceback. Handlers see no difference."""
    text = str(error) if message is None else message
    lines = [f"\x1b[31m{type(error).__name__}\x1b[0m: {text}" if text else f"\x1b[31m{type(error).__name__}\x1b[0m"]
    error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]
    return error
