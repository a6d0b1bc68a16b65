"""The whole service as a process of its own, on an engine that does nothing; any token `admin` is its administrator.

Run as a program with a home folder and a port, it serves until SIGTERM.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
from engine import DoNothingEngine
from report import wait_until

from zoe_hub import app
from zoe_hub.composition import compose
from zoe_hub.model.execution import ExecutionState
from zoe_hub.model.framework import Framework
from zoe_hub.model.plan import Plan
from zoe_hub.model.zapp import ZApp
from zoe_hub.store.base import Submission
from zoe_hub.store.changes import StateChanged
from zoe_hub.store.sql import SQLStore
from zoe_hub.web.callers import Caller, Identities, StaticIdentities

PREFIX = "/services/zoe/"
TOKEN = "admin"
SCOPES = frozenset(
    f"custom:zoe:{name}" for name in ("executions", "read:executions", "read:shop", "zapps", "admin:executions")
)
USERS = 100


def plan(workers: int = 0) -> Plan:
    """One process that is the work, and workers beside it; a batch job where there are none."""
    processes = [{"name": "work", "title": "Work", "command": ["true"], "restart": {"policy": "never"}}]
    if workers:
        processes.append({"name": "worker", "title": "Worker", "command": ["true"], "instances": {"core": workers}})
    framework = Framework.model_validate(
        {"apiVersion": "zoe/v1", "kind": "Framework", "name": "job", "title": "Job", "processes": processes}
    )
    zapp = ZApp.model_validate(
        {
            "apiVersion": "zoe/v1",
            "kind": "ZApp",
            "name": "job",
            "title": "Job",
            "category": "interactive" if workers else "batch",
            "frameworks": [{"framework": "job"}],
        }
    )
    return compose(zapp, {}, {"job": framework})


async def fill(database: str | Path, *, live: int = 0, ended: int = 0, users: int = USERS) -> None:
    """Store executions: `live` clusters of three instances of so many users, all of `TOKEN`'s for one; `ended` ones."""
    store = SQLStore(database)
    await store.open()
    cluster = plan(workers=2)
    wishes = [Submission(TOKEN if users == 1 else f"user{n % users}", cluster, cluster.parameters) for n in range(live)]
    await asyncio.gather(*(store.submit(wish) for wish in wishes))
    over = await asyncio.gather(*(store.submit(Submission(f"old{n}", cluster)) for n in range(ended)))
    await store.record([StateChanged(e.id, ExecutionState.QUEUED, ExecutionState.TERMINATED) for e, _ in over])
    await store.close()


class Service:
    """The running process."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = psutil.Process(process.pid)
        self.url = f"http://127.0.0.1:{port}{PREFIX}"

    def client(self) -> httpx.Client:
        headers = {"Authorization": f"token {TOKEN}"}
        return httpx.Client(base_url=f"{self.url}api/v1", headers=headers, timeout=60, trust_env=False)

    def states(self) -> Sequence[str]:
        """Of the live executions."""
        with self.client() as http:
            found = http.get("/executions", params={"live": "true", "owner": "*"}).raise_for_status().json()
        return [execution["state"] for execution in found["executions"]]


@contextmanager
def running(home: Path, port: int) -> Iterator[Service]:
    """The service, as soon as it is ready."""
    environment = {**os.environ, "ZOE_HOME": str(home), "JUPYTERHUB_SERVICE_PREFIX": PREFIX}
    with (home / "service.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, __file__, str(port)], env=environment, stdout=log, stderr=log)
    try:
        service = Service(process, port)
        wait_until(lambda: process.poll() is not None or _ready(service), "The service")
        if process.poll() is not None:
            raise RuntimeError(f"The service ended:\n{(home / 'service.log').read_text()[-3000:]}")
        yield service
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _ready(service: Service) -> bool:
    try:
        return httpx.get(f"{service.url}ready", timeout=10, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


class IdleHub(app.ZoeHub):
    """Zoe's service for somebody who needs no Hub."""

    def identities(self) -> Identities:
        return StaticIdentities({TOKEN: Caller("admin", SCOPES)})


def main() -> None:
    """Serve until SIGTERM."""
    port = sys.argv[1]
    app.make_backend = lambda settings, catalogue: DoNothingEngine(ends=False)
    sys.argv = ["zoe-hub"]
    hub = IdleHub()
    # One caller plays all users here.
    limits = ("request_rate", "max_streams", "max_executions")
    hub.initialize(["--allow-root", f"--port={port}", *(f"--ZoeConfig.{name}=0" for name in limits)])
    hub.start()


if __name__ == "__main__":
    main()
