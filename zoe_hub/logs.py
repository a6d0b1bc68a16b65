"""Log records that say what they are about, as lines for people or as JSON.

Whoever works on an execution or a request says so once (`about`, `note`); every record that is written
meanwhile, by whichever library, carries it.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any, ParamSpec, TextIO, TypeVar

from pythonjsonlogger.json import JsonFormatter

P = ParamSpec("P")
T = TypeVar("T")

FORMATS = ("text", "json")
FIELDS = ("execution", "request", "caller", "address", "operation", "method", "path", "status", "seconds")
"""What a record may carry besides its message. `seconds` is what a request took."""

_BESIDE_THE_MESSAGE = ("execution", "request", "caller", "address")
_NOTHING: Mapping[str, str] = {}
_known: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar("zoe_log_fields", default=_NOTHING)


@contextmanager
def about(**fields: str) -> Iterator[None]:
    """Records written inside, also by tasks begun inside, carry these fields."""
    token = _known.set({**_known.get(), **fields})
    try:
        yield
    finally:
        _known.reset(token)


def note(**fields: str) -> None:
    """Records written from here on by the current task carry these fields."""
    _known.set({**_known.get(), **fields})


def known() -> Mapping[str, str]:
    """The fields that a record written now would carry."""
    return _known.get()


def aside(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """A task that outlives what it was begun for, and whose records are therefore about nothing yet."""
    return contextvars.Context().run(asyncio.create_task, work)


def kept(function: Callable[P, T]) -> Callable[P, T]:
    """The function, for another thread: its records carry what those of the caller would."""
    context = contextvars.copy_context()

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return context.run(function, *args, **kwargs)

    return run


def configure(form: str, level: int = logging.INFO) -> None:
    """Have everything from `level` on written to stderr, as "text" or "json". A second call replaces the first."""
    logging.basicConfig(level=level, handlers=[make_handler(form, sys.stderr)], force=True)
    for name in ("httpx", "httpcore", "alembic"):
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def make_handler(form: str, stream: TextIO) -> logging.Handler:
    """Writes records with what they are about, as "text" or "json"."""
    handler = logging.StreamHandler(stream)
    handler.addFilter(_complete)
    handler.setFormatter(JSONLines() if form == "json" else TextLines())
    return handler


class TextLines(logging.Formatter):
    """One line a record, and the traceback below it; what the record is about stands at the line's end."""

    def __init__(self) -> None:
        super().__init__("%(levelname).1s %(asctime)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        beside = [f"{name}={record.__dict__[name]}" for name in _BESIDE_THE_MESSAGE if name in record.__dict__]
        line = super().formatMessage(record) + (f" [{' '.join(beside)}]" if beside else "")
        if line.isprintable():
            return line
        # A name that holds the end of a line must not write lines of its own.
        return "".join(char if char.isprintable() else repr(char)[1:-1] for char in line)


class JSONLines(JsonFormatter):
    """One JSON object a record, on a line of its own; a traceback is in its member `exception`."""

    def __init__(self) -> None:
        names = {"levelname": "level", "name": "logger", "exc_info": "exception", "stack_info": "stack"}
        super().__init__(["time", "levelname", "name", "message"], rename_fields=names)

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in log_data.items() if value is not None}

    def format(self, record: logging.LogRecord) -> str:
        record.time = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        return super().format(record)


def _complete(record: logging.LogRecord) -> bool:
    for name, value in known().items():
        record.__dict__.setdefault(name, value)
    return True
