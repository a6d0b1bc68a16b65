"""The demo hub as `make hub` starts it, on the environment that the tests run in."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from scripts import hub
from scripts.folders import CHECKOUT

PROXY = shutil.which("configurable-http-proxy")
pytestmark = [
    pytest.mark.hub,
    pytest.mark.slow,
    pytest.mark.skipif(PROXY is None, reason="configurable-http-proxy is not on PATH: `make setup` installs it"),
]


def until(what: Callable[[], object], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.2)


def running_on(home: Path) -> list[str]:
    """Command lines of the processes that were started with this ZOE_HOME, or hold it on their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if str(home).encode() in text:
                found.append(f"{entry.name} {(entry / 'cmdline').read_bytes().decode().replace(chr(0), ' ')}")
    return found


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    assert PROXY is not None
    (tmp_path / "node" / "node_modules" / ".bin").mkdir(parents=True)
    (tmp_path / "node" / "node_modules" / ".bin" / "configurable-http-proxy").symlink_to(Path(PROXY).resolve())
    yield tmp_path
    for line in running_on(tmp_path):
        os.kill(int(line.split()[0]), signal.SIGKILL)


def start(home: Path, url: str) -> subprocess.Popen[str]:
    """A demo hub that has said that it is there."""
    environ = {**os.environ, "ZOE_HOME": str(home), "ZOE_PORT": url.rpartition(":")[2], "ZOE_DEMO_PASSWORD": "sesame"}
    demo = subprocess.Popen(
        [sys.executable, "-m", "scripts.hub"], cwd=CHECKOUT, env=environ, stdout=subprocess.PIPE, text=True
    )
    assert demo.stdout is not None
    said = ""
    for line in demo.stdout:
        said += line
        if line.startswith("Ctrl-C"):
            break
    assert f"Zoe is at   {url}" in said, said
    assert re.search(r"password +sesame", said)
    return demo


def xsrf(client: httpx.Client) -> str:
    return next(str(cookie.value) for cookie in client.cookies.jar if cookie.name == "_xsrf")


@contextmanager
def log_in(url: str, user: str, password: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, follow_redirects=True, timeout=60, trust_env=False) as client:
        client.get("/hub/login")
        client.post("/hub/login", data={"username": user, "password": password, "_xsrf": xsrf(client)})
        client.headers.update({"X-XSRFToken": xsrf(client), "Referer": f"{url}/hub/home"})
        yield client


@pytest.mark.dask
def test_everything_ends_on_interrupt(home: Path) -> None:
    url = f"http://127.0.0.1:{hub.other_port(0)}"
    demo = start(home, url)
    with log_in(url, "alice", "wrong") as stranger:
        assert stranger.get("/hub/api/user").status_code == 403
    with log_in(url, "admin", "sesame") as admin:
        assert admin.get("/hub/api/user").json()["admin"] is True
    with log_in(url, "alice", "sesame") as alice:
        assert alice.get("/hub/api/user").json()["admin"] is False
        assert alice.post("/hub/api/users/alice/server", json={}).status_code in (201, 202)
        until(lambda: alice.get("/hub/api/users/alice").json()["servers"].get("", {}).get("ready"))
        token = alice.post("/hub/api/users/alice/tokens", json={"note": "a cluster"}).json()["token"]
    authorized = {"Authorization": f"token {token}"}
    with httpx.Client(base_url=f"{url}/services/zoe/api/v1", headers=authorized, trust_env=False) as zoe:
        answer = zoe.post("/executions", json={"zapp": "dask"}, headers={"Idempotency-Key": "one"})
        assert answer.status_code == 202, answer.text
        until(lambda: zoe.get(f"/executions/{answer.json()['id']}").json()["state"] == "running")
    assert any("frameworks/dask" in line for line in running_on(home))

    demo.send_signal(signal.SIGINT)
    rest, _ = demo.communicate(timeout=120)
    assert demo.returncode == 0, rest
    assert "Everything has ended." in rest
    assert running_on(home) == []


def test_the_hub_does_not_outlive_a_starter_that_was_killed(home: Path) -> None:
    demo = start(home, f"http://127.0.0.1:{hub.other_port(0)}")
    demo.kill()
    demo.wait()
    until(lambda: running_on(home) == [])
