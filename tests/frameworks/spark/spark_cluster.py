"""Starts the processes of the Spark framework directly, as a back end would."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import jmespath
import psutil
import yaml

from zoe_hub.composition.compose import compose
from zoe_hub.model.framework import Framework
from zoe_hub.model.plan import Plan, ProcessPlan
from zoe_hub.model.references import bind
from zoe_hub.model.zapp import ZApp

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "frameworks" / "spark"
T = TypeVar("T")


def framework() -> Framework:
    return Framework.model_validate(yaml.safe_load((FOLDER / "framework.yaml").read_text()))


def zapp(name: str = "spark") -> ZApp:
    return ZApp.model_validate(yaml.safe_load((ROOT / "frameworks" / "zapps" / f"{name}.yaml").read_text()))


def plan(**parameters: Any) -> Plan:
    return compose(zapp(), parameters, {"spark": framework()})


def client() -> ModuleType:
    """The framework's client module, made the way a kernel makes it: from its source."""
    module = ModuleType("zoe_client_spark")
    exec(compile((FOLDER / "client.py").read_text(), "client.py", "exec"), module.__dict__)
    return module


def until(condition: Callable[[], T], what: str, timeout: float = 60) -> T:
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {timeout} s still not: {what}")
        time.sleep(0.05)


def unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def bearer(secret: str, payload: bytes = b'{"sub":"zoe"}') -> str:
    """A compact JWS, HS256, over the decoded bytes of the secret."""
    key = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    signed = f"{unpadded(json.dumps({'alg': 'HS256', 'typ': 'JWT'}).encode())}.{unpadded(payload)}"
    return f"{signed}.{unpadded(hmac.new(key, signed.encode(), hashlib.sha256).digest())}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Instance:
    def __init__(self, process: subprocess.Popen[bytes], folder: Path, log: Path, ports: Mapping[str, int]) -> None:
        self.process = process
        self.folder = folder
        self.log = log
        self.ports = ports

    def answers(self, port: str) -> bool:
        if self.process.poll() is not None:
            end = self.log.read_text()[-4000:]
            raise AssertionError(f"{self.log.name} ended with {self.process.returncode}:\n{end}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.ports[port])) == 0

    def descendants(self) -> list[int]:
        return [process.pid for process in psutil.Process(self.process.pid).children(recursive=True)]


class Cluster:
    """One cluster of real processes; `with Cluster(tmp) as cluster: cluster.start()`."""

    def __init__(self, folder: Path, cache: Path | None = None, prefix: str = "/hub/ui", **parameters: Any) -> None:
        self.folder = folder
        self.cache = cache or folder / "cache"
        self.prefix = prefix
        self.plan = plan(**parameters)
        self.workers = int(parameters.get("workers", 2))
        self.instances: dict[tuple[str, int], Instance] = {}
        self.draining: list[Instance] = []
        self.properties: dict[str, dict[str, str]] = {}
        """Spark properties beyond the framework's own, by process."""
        self.values: dict[str, str] = {
            "framework.folder": str(FOLDER),
            "cache": str(self.cache),
            "python": sys.executable,
            "execution.id": folder.name,
            "execution.owner": "alice",
            "execution.name": "spark-1",
        }
        for secret in self.plan.framework("spark").secrets:
            value = unpadded(secrets.token_bytes(32))
            self.values[f"secret.{secret.name}"] = value
            self.values[f"bearer.{secret.name}"] = bearer(value)
        for process in self.plan.processes:
            for port in process.ports:
                self.values[f"{process.name}.url.{port.name}"] = f"{prefix}/{process.key}/{port.name}"

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, *, wait: bool = True) -> None:
        self.launch("master")
        until(lambda: self.instances["master", 0].answers("rpc"), "the master answers")
        self.launch("connect")
        for ordinal in range(self.workers):
            self.launch("worker", ordinal)
        if wait:
            until(lambda: self.instances["connect", 0].answers("grpc"), "Spark Connect answers")
            self.wait_for_workers(self.workers)

    def launch(self, name: str, ordinal: int = 0) -> Instance:
        process = self.plan.process(f"spark.{name}")
        folder = self.folder / f"{name}-{ordinal}"
        folder.mkdir(parents=True, exist_ok=True)
        before = self.instances.get((name, ordinal))
        ports = dict(before.ports) if before else {port.name: free_port() for port in process.ports}
        values = self._values(process, ordinal, folder, ports)
        for file in process.files:
            path = folder / file.path
            path.touch(mode=0o600)
            more = self.properties.get(name, {}) if file.path == "spark.properties" else {}
            path.write_text(bind(file.content, values) + "".join(f"{key} {value}\n" for key, value in more.items()))
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        environment |= {key: bind(value, values) for key, value in process.environment.items()}
        log = self.folder / f"{name}-{ordinal}.log"
        with log.open("ab") as output:
            started = subprocess.Popen(
                [bind(word, values) for word in process.command],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        instance = self.instances[name, ordinal] = Instance(started, folder, log, ports)
        if ordinal == 0:
            self.values[f"{name}.host"] = "127.0.0.1"
            self.values |= {f"{name}.port.{port}": str(number) for port, number in ports.items()}
        return instance

    def _values(self, process: ProcessPlan, ordinal: int, folder: Path, ports: Mapping[str, int]) -> dict[str, str]:
        own = {"self.host": "127.0.0.1", "self.ordinal": str(ordinal), "self.folder": str(folder)}
        own |= {f"self.port.{port}": str(number) for port, number in ports.items()}
        own |= {f"self.url.{port}": self.values[f"{process.name}.url.{port}"] for port in ports}
        return {**self.values, **own}

    def drain(self, ordinal: int) -> Instance:
        """Ask a worker to hand over; it is gone some seconds later."""
        instance = self.instances.pop(("worker", ordinal))
        self.draining.append(instance)
        drain = self.plan.process("spark.worker").shutdown.drain
        assert drain is not None
        instance.process.send_signal(signal.Signals[drain.signal])
        return instance

    def stop(self) -> None:
        everything = [*self.instances.values(), *self.draining]
        for instance in everything:
            instance.process.send_signal(signal.SIGTERM)
        for instance in everything:
            try:
                instance.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(instance.process.pid, signal.SIGKILL)
                instance.process.wait()
        self.instances.clear()
        self.draining.clear()

    def connection(self) -> dict[str, str]:
        chosen = self.plan.framework("spark").client
        assert chosen is not None
        return {name: bind(text, self.values) for name, text in chosen.connection.items()}

    def get(self, process: str, path: str, *, authorized: bool = True, ordinal: int = 0) -> tuple[int, bytes]:
        """Status and body of a page."""
        instance = self.instances[process, ordinal]
        headers = {"Authorization": f"Bearer {self.values['bearer.ui']}"} if authorized else {}
        request = urllib.request.Request(f"http://127.0.0.1:{instance.ports['ui']}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def driver(self, path: str) -> Any:
        """The driver's own figures, through its page."""
        code, body = self.get("connect", "/api/v1/applications")
        assert code == 200, body
        code, body = self.get("connect", f"/api/v1/applications/{json.loads(body)[0]['id']}/{path}")
        assert code == 200, body
        return json.loads(body)

    def status(self) -> dict[str, Any]:
        chosen = self.plan.framework("spark").status
        assert chosen is not None
        code, body = self.get(chosen.process, chosen.path)
        assert code == 200, body
        answer = json.loads(body)
        return {name: jmespath.search(text, answer) for name, text in chosen.fields.items()}

    def wait_for_workers(self, count: int) -> None:
        def there() -> bool:
            for instance in self.instances.values():
                instance.answers(next(iter(instance.ports)))
            try:
                # A master that has just begun to listen answers 404.
                return bool(self.status()["workers"] == count)
            except (urllib.error.URLError, AssertionError):
                return False

        until(there, f"{count} workers are there")
