"""The service as a program, as those see it who watch it: health, metrics, and a log that machines read."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

CONFIGURATION = """
c.ZoeConfig.log_format = "json"
c.ZoeConfig.log_level = "debug"
c.ZoeConfig.metrics_on_loopback = True
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Program:
    """A service that runs; `end` gives what it wrote."""

    def __init__(self, folder: Path) -> None:
        (folder / "zoe_config.py").write_text(CONFIGURATION)
        self.port = free_port()
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("JUPYTERHUB_")},
            "ZOE_HOME": str(folder / "home"),
            "ZOE_CONFIG_FILE": str(folder / "zoe_config.py"),
            "JUPYTERHUB_API_TOKEN": "sesame-of-the-service",
            "JUPYTERHUB_API_URL": f"http://127.0.0.1:{free_port()}/hub/api",
            "JUPYTERHUB_CLIENT_ID": "service-zoe",
            "JUPYTERHUB_SERVICE_PREFIX": "/services/zoe/",
        }
        self._log = folder / "log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "zoe_hub", "--allow-root", f"--port={self.port}"], env=environment, stderr=log
            )

    def get(self, path: str, **headers: str) -> httpx.Response:
        address = f"http://127.0.0.1:{self.port}/services/zoe/{path}"
        return httpx.get(address, trust_env=False, timeout=30, headers=headers)

    def until_ready(self) -> httpx.Response:
        for _ in range(600):
            assert self.process.poll() is None, self._log.read_text()
            try:
                answer = self.get("ready")
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == 200 and answer.json()["role"] == "open":
                return answer
            time.sleep(0.1)
        raise AssertionError(self._log.read_text())

    def end(self) -> list[str]:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0
        return self._log.read_text().splitlines()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    running = Program(tmp_path)
    yield running
    if running.process.poll() is None:
        running.process.kill()
        running.process.wait()


def test_a_service_that_is_watched(program: Program) -> None:
    assert program.until_ready().json()["status"] == "ready"
    assert program.get("health").json() == {"status": "ok"}
    unknown = program.get("api/v1/executions?token=sesame", Authorization="token sesame-of-a-user")
    assert unknown.status_code == 400
    away = program.get("api/v1/executions", Authorization="token sesame-of-a-user")
    assert away.status_code == 503

    answer = program.get("metrics")
    assert answer.status_code == 200
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert values["zoe_leader",] == values["zoe_store_up",] == 1
    assert values["zoe_round_duration_seconds_count",] >= 1
    assert values["zoe_store_transaction_duration_seconds_count", "read"] >= 1
    assert values["zoe_store_transaction_duration_seconds_count", "write"] >= 1
    assert values["process_resident_memory_bytes",] > 2**20
    assert values["zoe_capacity_cpus",] > 0
    assert program.get("metrics", **{"X-Forwarded-For": "127.0.0.1"}).status_code in (401, 503)

    lines = program.end()
    records = [json.loads(line) for line in lines]
    assert not any("sesame" in line for line in lines)
    assert all({"time", "level", "logger", "message"} <= record.keys() for record in records)
    access = {record["request"]: record for record in records if record["logger"] == "zoe_hub.access"}
    refused = access[unknown.headers["X-Request-Id"]]
    assert (refused["operation"], refused["status"], refused["level"]) == ("list_executions", 400, "INFO")
    assert refused["path"] == "/services/zoe/api/v1/executions"
    assert access[away.headers["X-Request-Id"]]["level"] == "WARNING"
    # What was logged on the way to the answer says which request it was for.
    assert any(
        record.get("request") == away.headers["X-Request-Id"] and record["logger"] != "zoe_hub.access"
        for record in records
    )
