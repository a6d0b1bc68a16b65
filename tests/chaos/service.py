"""The real service, told at which point to die.

`Points` counts what the service does and kills it, as ``kill -9`` does: at the n-th write of the database (before
its transaction, within it, or after its commit and before anybody hears of that), at the n-th operation of the back
end, or at the n-th change of a file. Nothing in the product knows of it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

from zoe_hub import app
from zoe_hub.backends.local import LocalBackend
from zoe_hub.store.database import Database, Transaction

_CHANGES = frozenset({"os.mkdir", "os.posix_spawn", "os.remove", "os.rename", "os.rmdir", "shutil.rmtree"})
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def serve(environment: Mapping[str, str], log: str, point: Mapping[str, Any] | None) -> None:
    """Be the service until it ends. `point`: kind, number and moment of its death."""
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for number in (1, 2):
        os.dup2(output, number)
    os.environ.clear()
    os.environ.update(environment)
    dump_on_demand(Path(environment["ZOE_HOME"]) / "ports.json")
    if point is not None:
        arm(**point)
    sys.argv = ["zoe-hub"]
    app.main(["--allow-root"])


def arm(kind: str, number: int, moment: str) -> None:
    """Die at the point that is described."""
    count = 0

    def now() -> None:
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    if kind == "WRITE" and moment == "within":
        _before(Transaction, "finish", now)
    elif kind == "WRITE":
        (_before if moment == "before" else _after)(Database, "_write", now)
    elif kind == "OPERATION":
        for name in ("apply", "remove"):
            (_before_async if moment == "before" else _after_async)(LocalBackend, name, now)
    else:
        _at_changes(now)


def _before(owner: type, name: str, now: Callable[[], None]) -> None:
    original = getattr(owner, name)

    @wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        now()
        return original(*args, **kwargs)

    setattr(owner, name, wrapped)


def _after(owner: type, name: str, now: Callable[[], None]) -> None:
    original = getattr(owner, name)

    @wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        now()
        return result

    setattr(owner, name, wrapped)


def _before_async(owner: type, name: str, now: Callable[[], None]) -> None:
    original = getattr(owner, name)

    @wraps(original)
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        now()
        return await original(*args, **kwargs)

    setattr(owner, name, wrapped)


def _after_async(owner: type, name: str, now: Callable[[], None]) -> None:
    original = getattr(owner, name)

    @wraps(original)
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        result = await original(*args, **kwargs)
        now()
        return result

    setattr(owner, name, wrapped)


def _at_changes(now: Callable[[], None]) -> None:
    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING
        if event in _CHANGES or writes:
            now()

    sys.addaudithook(hook)


def dump_on_demand(path: Path) -> None:
    """On SIGUSR1, write down which ports the back end keeps."""
    backends: list[LocalBackend] = []
    original = LocalBackend.__init__

    @wraps(original)
    def remembered(self: LocalBackend, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        backends.append(self)

    LocalBackend.__init__ = remembered  # type: ignore[method-assign]

    def dump(*_: object) -> None:
        kept = sorted(port for backend in backends for port in backend._machine.ports._kept)
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps(kept))
        temporary.replace(path)

    signal.signal(signal.SIGUSR1, dump)
