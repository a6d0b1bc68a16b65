"""How an instance of a swarm is sent a signal: again and again for a while, as who has just begun is not reached yet.

The starter and its program are real ones. The swarm is a fake: machines of a real one tell each other of an address
within milliseconds, and no test can hold that up without holding up everything.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.backends.contract import until
from tests.spawner.hub import free_port
from zoe_hub.backends.docker.devices import Devices
from zoe_hub.backends.docker.endings import Seen
from zoe_hub.backends.docker.images import Images
from zoe_hub.backends.docker.logs import saved
from zoe_hub.backends.docker.settings import DockerSettings
from zoe_hub.backends.docker.watch import Watch
from zoe_hub.backends.files import InstanceFolder, Layout, Record, make_folder
from zoe_hub.backends.replicas import Replica
from zoe_hub.backends.swarm import control, instance, starter
from zoe_hub.backends.swarm.engine import SwarmEngine
from zoe_hub.backends.swarm.instance import SwarmHost, SwarmInstance
from zoe_hub.backends.swarm.networks import SwarmNetworks
from zoe_hub.backends.swarm.tasks import Task
from zoe_hub.backends.terms import Term
from zoe_hub.model.framework import Shutdown

TOKEN = "knock"
WAITS = """
import signal, sys, time
signal.signal(signal.SIGUSR1, lambda *_: sys.exit(3))
print("ready", flush=True)
time.sleep(1000)
"""


class SwarmOfOneTask(SwarmEngine):
    """Whose task is as `seen`, until its service is removed."""

    def __init__(self, seen: Seen) -> None:
        super().__init__()
        self.seen: Seen | None = seen
        self.removed: list[str] = []

    def task(self, name: str) -> Task | None:
        return None if self.seen is None else Task(self.seen, "t1", "node-2")

    async def show(self, container: str) -> Seen | None:
        return self.seen

    async def remove(self, container: str) -> None:
        self.removed.append(container)
        self.seen = None

    async def log(self, container: str, *, follow: bool = False, tail: int | None = None) -> AsyncIterator[bytes]:
        assert not self.removed, "what is removed has no log any more"
        yield b"as far as it came\n"


@dataclass
class Program:
    """One that waits for SIGUSR1, and its starter, which `listens` from when it is told."""

    process: subprocess.Popen[bytes]
    folder: Path
    port: int

    def listen(self) -> None:
        starter.listen(self.process, {"token": TOKEN, "folder": str(self.folder), "port": self.port})


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    process = subprocess.Popen([sys.executable, "-c", WAITS], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    found = Program(process, tmp_path, free_port())
    monkeypatch.setattr(control, "PORT", found.port)
    yield found
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[[SwarmOfOneTask], SwarmInstance]]:
    term = Term(tmp_path / "zoe", 1)
    make_folder(term.folder)
    term.begin()

    def one(swarm: SwarmOfOneTask) -> SwarmInstance:
        settings = DockerSettings(term.folder, lambda name: tmp_path / name)

        async def nothing(*_: object) -> None: ...

        host = SwarmHost(
            settings=settings,
            installation="i1",
            term=term,
            engine=swarm,
            swarm=swarm,
            images=Images(swarm, settings),
            networks=SwarmNetworks(swarm, "i1", settings),
            devices=Devices(()),
            watch=Watch(swarm, "i1", 1000, nothing, nothing),
        )
        folder: InstanceFolder = Layout(term.folder, term.way).instance("x1", "test.worker", 0)
        return SwarmInstance(host, "x1", "test.worker", folder, Record(Replica(0), run=1, token=TOKEN))

    yield one
    term.end()


RUNNING = Seen("s1", "running", address="127.0.0.1")


async def stop(instance: SwarmInstance, program: Program | None = None) -> None:
    """As whoever takes it down, with SIGUSR1; its life ends with the program's, or with its service."""

    async def life() -> None:
        swarm = instance._swarm.swarm
        assert isinstance(swarm, SwarmOfOneTask)

        async def over() -> bool:
            return bool(swarm.removed) or (program is not None and program.process.poll() is not None)

        await until(over)

    shutdown = Shutdown(signal="SIGUSR1", grace=5)
    await instance.take_down(asyncio.ensure_future(life()), shutdown, None)


async def test_who_is_not_reached_yet_is_sent_the_signal_again(
    program: Program, make: Callable[[SwarmOfOneTask], SwarmInstance]
) -> None:
    swarm = SwarmOfOneTask(RUNNING)
    stopping = asyncio.ensure_future(stop(make(swarm), program))
    await asyncio.sleep(1)
    assert program.process.poll() is None
    program.listen()
    await stopping
    assert program.process.wait() == 3
    assert swarm.removed == []


async def test_whose_address_is_not_known_yet_is_sent_the_signal_when_it_is(
    program: Program, make: Callable[[SwarmOfOneTask], SwarmInstance]
) -> None:
    swarm = SwarmOfOneTask(Seen("s1", "running"))
    program.listen()
    stopping = asyncio.ensure_future(stop(make(swarm), program))
    await asyncio.sleep(1)
    swarm.seen = RUNNING
    await stopping
    assert program.process.wait() == 3
    assert swarm.removed == []


async def test_who_is_never_reached_is_stopped_by_the_swarm_and_its_log_is_kept(
    program: Program, make: Callable[[SwarmOfOneTask], SwarmInstance], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance, "_FOR_REACHING", 1.5)
    swarm = SwarmOfOneTask(RUNNING)
    one = make(swarm)
    begin = time.monotonic()
    await stop(one)
    assert 1.5 <= time.monotonic() - begin < 5
    assert swarm.removed == [one.name]
    assert [path.read_bytes() for path in saved(one.folder).values()] == [b"as far as it came\n"]


async def test_who_does_not_run_yet_is_not_waited_for(make: Callable[[SwarmOfOneTask], SwarmInstance]) -> None:
    swarm = SwarmOfOneTask(Seen("s1", "pending"))
    one = make(swarm)
    begin = time.monotonic()
    await stop(one)
    assert time.monotonic() - begin < 3
    assert swarm.removed == [one.name]


@pytest.mark.parametrize("seen", [None, Seen("s1", "exited", code=0)])
async def test_who_has_ended_meanwhile_is_left_alone(
    seen: Seen | None, make: Callable[[SwarmOfOneTask], SwarmInstance]
) -> None:
    swarm = SwarmOfOneTask(RUNNING)
    stopping = asyncio.ensure_future(make(swarm)._signal("s1", "SIGUSR1"))
    await asyncio.sleep(0.6)
    assert not stopping.done()
    swarm.seen = seen
    await asyncio.wait_for(stopping, 3)
    assert swarm.removed == []
