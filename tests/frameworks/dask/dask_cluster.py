"""The Dask ZApp, started from its own description as a back end would."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import yaml

from zoe_hub.composition import compose
from zoe_hub.model.framework import Framework
from zoe_hub.model.plan import Plan, ProcessPlan
from zoe_hub.model.references import bind
from zoe_hub.model.zapp import ZApp
from zoe_hub.secrets import Secrets

FRAMEWORKS = Path(__file__).resolve().parents[3] / "frameworks"
PREFIX = "/services/zoe/executions/e1/ui/scheduler/ui"


def make_certificate() -> tuple[str, str]:
    """A cluster's certificate and its key, as PEM, that no other cluster has."""
    return Secrets(os.urandom(32)).certificate("e1", "dask", "tls", datetime(2020, 1, 1, tzinfo=timezone.utc))


def wait_until(condition: Callable[[], object], timeout: float = 60) -> None:
    """Return as soon as the condition holds; fail after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"in {timeout:g} s never: {condition}"
        time.sleep(0.02)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class Instance:
    """One process of a plan, running on this machine."""

    def __init__(
        self,
        process: ProcessPlan,
        ordinal: int,
        folder: Path,
        shared: dict[str, str],
        ports: dict[str, int] | None = None,
    ) -> None:
        self.process = process
        self.folder = folder / f"{process.name}-{ordinal}"
        self.folder.mkdir(parents=True)
        self.ports = ports or {port.name: free_port() for port in process.ports}
        own = {
            "self.host": "127.0.0.1",
            "self.ordinal": str(ordinal),
            "self.folder": str(self.folder),
            "framework.folder": str(FRAMEWORKS / process.framework),
            "python": sys.executable,
            **{f"self.port.{name}": str(port) for name, port in self.ports.items()},
        }
        values = {**shared, **own}
        for file in process.files:
            path = self.folder / file.path
            path.touch(mode=0o600)
            path.write_text(bind(file.content, values))
        self.log = self.folder.with_suffix(".log")
        self.popen = subprocess.Popen(
            [bind(word, values) for word in process.command],
            cwd=self.folder,
            env={**os.environ, **{name: bind(text, values) for name, text in process.environment.items()}},
            stdout=self.log.open("ab"),
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def ready(self) -> bool:
        assert self.popen.poll() is None, self.log.read_text()
        return self.process.readiness is None or answers(self.ports[self.process.readiness.port])

    def send(self, number: int) -> None:
        os.killpg(self.popen.pid, number)

    def kill(self) -> None:
        if self.popen.poll() is None:
            self.send(signal.SIGKILL)
        self.popen.wait()


class Cluster:
    """The Dask ZApp on this machine."""

    def __init__(self, folder: Path, **parameters: object) -> None:
        self.folder = folder
        self.plan = plan(**parameters)
        self.certificate, self.key = make_certificate()
        self.token = Secrets(os.urandom(32)).token("e1", "dask", "ui")
        self.shared = {"certificate.tls": self.certificate, "key.tls": self.key, "secret.ui": self.token}
        self.started = 0
        self.scheduler = Instance(self.plan.process("dask.scheduler"), 0, folder, self.shared)
        self.workers: list[Instance] = []
        wait_until(lambda: self.scheduler.ready)
        self.shared["scheduler.host"] = "127.0.0.1"
        self.shared["scheduler.url.ui"] = PREFIX
        self.shared.update({f"scheduler.port.{name}": str(port) for name, port in self.scheduler.ports.items()})
        process = self.plan.process("dask.worker")
        for _ in range(process.core + process.elastic):
            self.add_worker()
        wait_until(lambda: all(worker.ready for worker in self.workers))

    def add_worker(self) -> Instance:
        worker = Instance(self.plan.process("dask.worker"), self.started, self.folder, self.shared)
        self.started += 1
        self.workers.append(worker)
        return worker

    @property
    def connection(self) -> dict[str, str]:
        client = self.plan.framework("dask").client
        assert client is not None
        return {name: bind(text, self.shared) for name, text in client.connection.items()}

    @property
    def ui(self) -> str:
        return f"http://127.0.0.1:{self.scheduler.ports['ui']}"

    @property
    def headers(self) -> dict[str, str]:
        port = next(port for port in self.plan.process("dask.scheduler").ports if port.name == "ui")
        return {name: bind(text, self.shared) for name, text in port.headers.items()}

    @property
    def instances(self) -> list[Instance]:
        return [self.scheduler, *self.workers]

    def close(self) -> None:
        for instance in self.instances:
            instance.kill()


def plan(**parameters: object) -> Plan:
    framework = Framework.model_validate(yaml.safe_load((FRAMEWORKS / "dask" / "framework.yaml").read_text()))
    zapp = ZApp.model_validate(yaml.safe_load((FRAMEWORKS / "zapps" / "dask.yaml").read_text()))
    return compose(zapp, parameters, {"dask": framework})
