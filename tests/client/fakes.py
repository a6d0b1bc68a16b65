"""Zoe services without an engine, named by how they behave. Each serves the REST interface in a thread of its own.

FakeZoe         starts at once what it is asked for, as far as `capacity` workers go
SlowZoe         keeps every start waiting until `release`
DroppingZoe     cuts every event stream after a few events
ShakyZoe        answers 503 to the first requests of each kind
FailingZoe      fails every start, and has log lines to show for it
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from .fake_executions import FakeExecutions, Problem
from .fake_rest import TOKEN, Handler

__all__ = [
    "CLIENT", "TOKEN", "BusyZoe", "ContestedZoe", "DroppingZoe", "FailingZoe", "FakeZoe", "Problem", "ShakyZoe",
    "SlowZoe",
]  # fmt: skip

CLIENT = '''
"""Connects a kernel to nothing at all."""
import os

class Box:
    def __init__(self, connection):
        self.connection = connection
        self.open = True

def connect(connection):
    return {"box": Box(connection)}

def disconnect(names):
    names["box"].open = False

def alive(names):
    return not os.path.exists(names["box"].connection.get("dead_when", "/nonexistent"))
'''


class FakeZoe(FakeExecutions):
    """Use it as a context manager; `url` is what a client takes."""

    def __init__(self, *, capacity: int = 8, prefix: str = "/services/zoe") -> None:
        super().__init__(capacity=capacity)
        self.prefix = prefix
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.connection: dict[str, Any] = {"secret": "c2VjcmV0"}
        self.client_source = CLIENT
        self.log = b"first line\nsecond line\n"
        self._followers: list[asyncio.Event] = []
        self._ready = threading.Event()
        self._followed = threading.Condition()

    def __enter__(self) -> FakeZoe:
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        if not self._thread.is_alive():
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    def _serve(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        application = Application([(rf"{self.prefix}/api/v1(.*)", Handler, {"zoe": self})])
        sockets = bind_sockets(getattr(self, "port", 0), "127.0.0.1")
        self.port = sockets[0].getsockname()[1]
        server = HTTPServer(application)
        server.add_sockets(sockets)
        self._ready.set()
        await self._stop.wait()
        self.tell()
        server.stop()
        await server.close_all_connections()

    def soon(self, function: Callable[[], Any]) -> None:
        """Run in the service's loop."""
        self._loop.call_soon_threadsafe(function)

    def tell(self) -> None:
        for follower in self._followers:
            follower.set()

    def wait_for_follower(self) -> None:
        """Return when somebody follows the events."""
        with self._followed:
            assert self._followed.wait_for(lambda: bool(self._followers), 10)

    def wait_for_nobody(self) -> None:
        """Return when nobody follows the events any more."""
        with self._followed:
            assert self._followed.wait_for(lambda: not self._followers, 10)

    def cut_streams_after(self) -> int | None:
        """How many events a stream carries before it breaks; None: any number."""
        return None

    def refuse(self, method: str, path: str) -> Problem | None:
        """What to answer instead."""
        return None


class SlowZoe(FakeZoe):
    def begin(self, execution: dict[str, Any]) -> None:
        self.admit(execution)

    def release(self) -> None:
        for execution in list(self.executions.values()):
            if execution["state"] == "starting":
                self.soon(lambda execution=execution: self.run(execution))  # type: ignore[misc]


class ContestedZoe(FakeZoe):
    """Whatever alice asks for, bob asks for two more before she has them."""

    def soon(self, function: Callable[[], Any]) -> None:
        if not self.contested:
            super().soon(function)

    def modify(
        self, execution: dict[str, Any], parameters: dict[str, Any], by: str = "alice", reason: str | None = None
    ) -> None:
        self.contested = by == "alice"
        super().modify(execution, parameters, by, reason)
        if self.contested:
            self.contested = False
            more = {"workers": execution["parameters"]["workers"] + 2}
            self.soon(lambda: self.modify(execution, more, by="bob"))

    contested = False


class DroppingZoe(FakeZoe):
    def cut_streams_after(self) -> int | None:
        return 2


class ShakyZoe(FakeZoe):
    def __init__(self, times: int = 2) -> None:
        super().__init__()
        self.times = times
        self.refused: dict[tuple[str, str], int] = {}

    def refuse(self, method: str, path: str) -> Problem | None:
        count = self.refused[method, path] = self.refused.get((method, path), 0) + 1
        return Problem(503, "ServiceUnavailable", "Zoe is starting.") if count <= self.times else None


class BusyZoe(FakeZoe):
    """From the second request on, asks `times` times to come back in seven seconds."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times
        self.asked = 0

    def refuse(self, method: str, path: str) -> Problem | None:
        self.asked += 1
        return Problem(429, "TooManyRequests", "Come back later.") if 1 < self.asked <= 1 + self.times else None


class FailingZoe(FakeZoe):
    def begin(self, execution: dict[str, Any]) -> None:
        self.admit(execution)
        self.log = b"looking for java\njava: not found\n"
        self.report(execution, "spark.master", 0, "failed", exit_code=127)
        self.move(execution, "failing", "There is no Java on this machine; install Java 17 or newer.")
        self.move(execution, "failed", "There is no Java on this machine; install Java 17 or newer.")
