"""Servers without a Hub: each with a user's own service, in a home folder of its own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.zoe_server_ext.servers import Server
from zoe_hub.nearby import runtime

SHOP = Path(__file__).parent / "shop"


def make_server(folder: Path, home: Path, *options: str, shop: Path = SHOP, **more: Any) -> Server:
    """A server whose service keeps everything in `home`, and does not linger."""
    settings = [f"--ZoeConfig.folders={shop}", "--ZoeConfig.memory=8 GiB", "--ZoeEmbedded.linger=0.5"]
    # The tests' kernels are not the server's own.
    settings.append("--ZoeKernels.grace=3600")
    return Server(folder, *settings, *options, ZOE_HOME=str(home), **more)


def until(what: Callable[[], Any], seconds: float = 60) -> Any:
    """What it gives as soon as that is something."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)
    return found


def start(http: httpx.Client, name: str, **attachment: str) -> dict[str, Any]:
    """A running bell, tied to the server unless `attachment` is empty."""
    body = {"zapp": "bell", "name": name, **({"attachment": {"server": "", **attachment}} if attachment else {})}
    answer = http.post("zoe/api/v1/executions", json=body)
    assert answer.status_code == 202, answer.text
    return until(lambda: running(http, name))


def running(http: httpx.Client, name: str) -> dict[str, Any] | None:
    answer = http.get(f"zoe/api/v1/executions/{name}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["state"] not in ("failed", "terminated"), found
    return found if found["state"] == "running" else None


def state(http: httpx.Client, name: str) -> str:
    return str(http.get(f"zoe/api/v1/executions/{name}").json()["state"])


def pid_of_service(home: Path) -> int:
    found = runtime.running(home)
    assert found is not None
    return found.pid


def services_of(home: Path) -> list[int]:
    """Numbers of all processes that are, or want to be, the service of this home."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if b"zoe_hub.embedded" in (entry / "cmdline").read_bytes():
                    own = f"ZOE_HOME={home}\0".encode()
                    found += [int(entry.name)] if own in (entry / "environ").read_bytes() else []
            except OSError:
                continue
    return found


def end(home: Path) -> None:
    """End the service of this home, if one runs, and everything that it started."""
    for pid in services_of(home):
        os.kill(pid, signal.SIGKILL)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if f"{home}/".encode() in (entry / "environ").read_bytes() and _is_an_instance(entry):
                    os.kill(int(entry.name), signal.SIGKILL)
            except OSError:
                continue


def _is_an_instance(entry: Path) -> bool:
    return b"ZOE_INSTANCE=" in (entry / "environ").read_bytes()
