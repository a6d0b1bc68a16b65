"""The service under test: started, killed, started again, always in processes of its own."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

import httpx

from . import service
from .plan import POINTS, Kill

CHECKOUT = Path(__file__).parent.parent.parent
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([service.__name__])


class _Running(Protocol):
    pid: int

    def gone(self) -> bool: ...


class _Forked:
    """Of a process that has all modules loaded: it starts in a tenth of the time."""

    def __init__(self, environment: Mapping[str, str], log: Path, kill: Kill | None) -> None:
        point = (
            {"kind": kill.kind.name, "number": kill.number, "moment": kill.moment}
            if kill and kill.kind in POINTS
            else None
        )
        self._process: BaseProcess = _context.Process(target=service.serve, args=(dict(environment), str(log), point))
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def gone(self) -> bool:
        return not self._process.is_alive()


class _Program:
    """``python -m zoe_hub``, as JupyterHub starts it."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "zoe_hub", "--allow-root"],
                cwd="/",
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.pid = self._process.pid

    def gone(self) -> bool:
        return self._process.poll() is not None


class Service:
    """One home folder and the service that runs on it, or does not just now."""

    def __init__(self, folder: Path, environment: Mapping[str, str], *, name: str = "service") -> None:
        self.home = Path(environment["ZOE_HOME"])
        self.url = environment["JUPYTERHUB_SERVICE_URL"] + environment["JUPYTERHUB_SERVICE_PREFIX"]
        self.log = folder / f"{name}.log"
        passed = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTERHUB_", "ZOE_"))}
        configuration = folder / "zoe_config.py"
        self._environment = passed | {"PYTHONPATH": str(CHECKOUT), "ZOE_CONFIG_FILE": str(configuration)} | environment
        self._running: _Running | None = None

    def start(self) -> None:
        """As the program that it is."""
        assert not self.alive
        self._running = _Program(self._environment, self.log)

    def start_fast(self, kill: Kill | None) -> None:
        """With the same modules; it dies as `kill` says, where that is by itself."""
        assert not self.alive
        self._running = _Forked(self._environment, self.log, kill)

    @property
    def alive(self) -> bool:
        return self._running is not None and not self._running.gone()

    @property
    def pid(self) -> int:
        assert self._running is not None
        return self._running.pid

    def signal(self, number: signal.Signals) -> None:
        if self.alive:
            os.kill(self.pid, number)

    async def leads(self) -> bool:
        """Whether it says that the controller is here. False also when it does not answer."""
        async with httpx.AsyncClient(trust_env=False, timeout=2) as http:
            with suppress(httpx.TransportError, ValueError):
                answer = (await http.get(f"{self.url}ready")).json()
                return isinstance(answer, dict) and answer.get("role") == "open"
        return False

    async def answers(self) -> None:
        """Return when it answers, or is dead."""
        deadline = time.monotonic() + 30
        async with httpx.AsyncClient(trust_env=False, timeout=2) as http:
            while self.alive and time.monotonic() < deadline:
                with suppress(httpx.TransportError):
                    await http.get(f"{self.url}api/v1/")
                    return
                await asyncio.sleep(0.02)

    async def ended(self, within: float) -> bool:
        """Whether it ends within so many seconds."""
        return await until(lambda: not self.alive, within)

    async def kill(self) -> None:
        self.signal(signal.SIGKILL)
        assert await self.ended(10)

    async def stop(self) -> None:
        """As an administrator does."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        if not await self.ended(20):
            await self.kill()


async def until(holds: Callable[[], bool], within: float) -> bool:
    """Whether this comes to hold within so many seconds."""
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True
