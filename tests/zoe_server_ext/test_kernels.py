"""Kernels that go for good take what is tied to them along; others do not."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import psutil
import pytest

from tests.client.fakes import TOKEN as SERVICE_TOKEN
from tests.client.fakes import FakeZoe
from tests.zoe_server_ext.servers import Server

QUICK = ("--ZoeKernels.grace=0.3", "--ZoeKernels.interval=0.1")


@pytest.fixture(scope="module")
def zoe() -> Iterator[FakeZoe]:
    with FakeZoe() as service:
        yield service


def serve(folder: Path, zoe: FakeZoe, *options: str) -> Server:
    return Server(folder, *QUICK, *options, ZOE_URL=zoe.url, ZOE_TOKEN=SERVICE_TOKEN, ZOE_SERVER="alice/")


@pytest.fixture(scope="module")
def server(zoe: FakeZoe, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    # Without restarting kernels that die, so that a killed one is gone for good at once.
    with serve(tmp_path_factory.mktemp("server"), zoe, "--KernelManager.autorestart=False") as running:
        # It asks, after its start, for what an earlier server of this name left: see the last test.
        until(lambda: any(path == "/executions" for _, path, _, _ in zoe.requests), running)
        yield running


def kernel(server: Server) -> str:
    return str(server.http.post("api/kernels", json={"name": "python3"}).json()["id"])


def attach(zoe: FakeZoe, name: str, kernel: str | None, *, server: str = "alice/", outlive: bool = False) -> None:
    attachment = {"server": server, "kernel": kernel, "outlive": outlive}
    zoe.submit({"zapp": "spark", "name": name, "attachment": attachment}, name)


def wish(zoe: FakeZoe, name: str) -> str:
    return str(zoe.find(name)["desired"])


def until(holds: Callable[[], bool], server: Server) -> None:
    limit = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < limit, server.log
        time.sleep(0.02)


def test_a_kernel_that_is_shut_down_ends_what_is_tied_to_it_alone(server: Server, zoe: FakeZoe) -> None:
    going, staying = kernel(server), kernel(server)
    attach(zoe, "tied", going)
    attach(zoe, "outliving", going, outlive=True)
    attach(zoe, "others", staying)
    attach(zoe, "elsewhere", going, server="alice/second")
    attach(zoe, "whole-server", None)
    server.http.delete(f"api/kernels/{going}")
    until(lambda: wish(zoe, "tied") == "terminated", server)
    assert {wish(zoe, name) for name in ("outliving", "others", "elsewhere", "whole-server")} == {"running"}


def test_a_kernel_that_is_restarted_keeps_its_clusters(server: Server, zoe: FakeZoe) -> None:
    one, other = kernel(server), kernel(server)
    attach(zoe, "kept", one)
    attach(zoe, "gone", other)
    assert server.http.post(f"api/kernels/{one}/restart").status_code == 200
    server.http.delete(f"api/kernels/{other}")
    until(lambda: wish(zoe, "gone") == "terminated", server)
    assert wish(zoe, "kept") == "running"


def process_of(server: Server, kernel: str) -> psutil.Process:
    """The process of a kernel, by the connection file on its command line."""
    found: list[psutil.Process] = []

    def look() -> bool:
        children = psutil.Process(server.pid).children(recursive=True)
        found[:] = [child for child in children if any(kernel in word for word in child.cmdline())]
        return bool(found)

    until(look, server)
    return found[0]


def test_a_killed_kernel_that_is_given_up_leaves_nothing(server: Server, zoe: FakeZoe) -> None:
    killed = kernel(server)
    attach(zoe, "killed", killed)
    os.kill(process_of(server, killed).pid, signal.SIGKILL)
    # Without the restarter nobody removes it from the list but whoever closes the notebook, or the culler.
    server.http.delete(f"api/kernels/{killed}")
    until(lambda: wish(zoe, "killed") == "terminated", server)


def test_a_cluster_that_a_dying_kernel_asked_for_goes_too(server: Server, zoe: FakeZoe) -> None:
    dying = kernel(server)
    attach(zoe, "first", dying)
    server.http.delete(f"api/kernels/{dying}")
    until(lambda: wish(zoe, "first") == "terminated", server)
    attach(zoe, "late", dying)
    until(lambda: wish(zoe, "late") == "terminated", server)


def test_a_service_that_is_away_is_told_when_it_is_back(server: Server, zoe: FakeZoe, monkeypatch) -> None:
    going = kernel(server)
    attach(zoe, "owed", going)
    refused: list[str] = []

    def refuse(method: str, path: str) -> object:
        from tests.client.fakes import Problem

        refused.append(path)
        return Problem(503, "ServiceUnavailable", "Zoe is starting.") if len(refused) < 5 else None

    monkeypatch.setattr(zoe, "refuse", refuse)
    server.http.delete(f"api/kernels/{going}")
    until(lambda: wish(zoe, "owed") == "terminated", server)
    assert server.log.count("is not ended yet") == 1


def test_what_kernels_of_an_earlier_server_left_goes(tmp_path: Path) -> None:
    with FakeZoe() as zoe:
        attach(zoe, "left", "a-kernel-of-the-server-before")
        attach(zoe, "of-a-terminal", "a-kernel-that-this-server-never-had")
        later = datetime.now(timezone.utc) + timedelta(hours=1)
        zoe.find("of-a-terminal")["created"] = later.isoformat().replace("+00:00", "Z")
        with serve(tmp_path, zoe) as server:
            until(lambda: wish(zoe, "left") == "terminated", server)
            # Both were looked at together, this one, which is newer, before the other.
            assert wish(zoe, "of-a-terminal") == "running"
