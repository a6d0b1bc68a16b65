"""Fixtures for the swarm: two real engines as two machines, by the script `nodes` here. Marker `docker`.

`machines`  both of them, with the image of the tests; skips, and says what is missing.
            ZOE_TEST_SWARM: a folder that `nodes up` was given before, which is left as it is
`inside`    the name of a container of the manager that stands for the service's own: until the end of the module the
            tests are in its network, and so in those of executions, as a service in a container is
`backend`   an open one; whatever it left on the swarm is removed afterwards, and fails the test
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.backends.docker.conftest import docker_host, image, make_settings
from tests.backends.leftovers import left_over, remove_everything
from zoe_hub.backends.docker.settings import DockerSettings
from zoe_hub.backends.swarm.backend import SwarmBackend
from zoe_hub.backends.swarm.engine import SwarmEngine
from zoe_hub.backends.swarm.settings import SwarmSettings

__all__ = ["docker_host", "image"]

_SCRIPT = Path(__file__).parent / "nodes"
_NEEDED = ("dockerd", "docker", "ip", "iptables", "nsenter", "unshare")
_NEW_NETWORK = 0x40000000


@dataclass(frozen=True)
class Machines:
    """Two engines; the first manages the swarm."""

    folder: Path
    spare: str
    """An engine that has the images."""

    def host(self, number: int) -> str:
        return f"unix://{self.folder}/{number}/docker.sock"

    def script(self, action: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(_SCRIPT), action, str(self.folder), *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def docker(self, *arguments: str, number: int = 1) -> str:
        done = subprocess.run(
            ["docker", "-H", self.host(number), *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
        return done.stdout.strip()

    def bring(self, *images: str) -> None:
        """To both of them, from the engine of the other tests."""
        for number in (1, 2):
            known = self.docker("image", "ls", "-q", "--no-trunc", number=number).split()
            for name in images:
                identifier = _docker(self.spare, "image", "inspect", "-f", "{{.Id}}", name)
                if identifier not in known:
                    command = 'docker -H "$1" save "$2" | docker -H "$3" load'
                    subprocess.run(["sh", "-c", command, "sh", self.spare, name, self.host(number)], check=True)


@pytest.fixture(scope="session")
def machines(docker_host: str, image: str) -> Iterator[Machines]:
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"two machines cannot be made here: {'root and ' if os.geteuid() else ''}{missing} are missing")
    before = os.environ.get("ZOE_TEST_SWARM")
    folder = Path(before) if before else Path(tempfile.mkdtemp(prefix="zs", dir="/tmp"))
    found = Machines(folder, docker_host)
    try:
        started = subprocess.run([str(_SCRIPT), "up", str(folder)], capture_output=True, text=True, check=False)
        if started.returncode:
            pytest.skip(f"two machines cannot be made here: {started.stderr}")
        found.bring(image)
        yield found
    finally:
        if not before:
            found.script("down")
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def inside(machines: Machines, image: str) -> Iterator[str]:
    name = f"zoe-service-{os.getpid()}"
    machines.docker("run", "-d", "--init", "--name", name, image, "sleep", "100000")
    try:
        pid = machines.docker("inspect", "-f", "{{.State.Pid}}", name)
        with open("/proc/self/ns/net") as before, open(f"/proc/{pid}/ns/net") as there:
            _enter(there.fileno())
            try:
                yield name
            finally:
                _enter(before.fileno())
    finally:
        machines.docker("rm", "-f", "-v", name)


def _enter(network: int) -> None:
    """This thread, and those that it starts from here on. Sockets with paths stay where they are."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(network, _NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "the network of the service's container cannot be entered")


@pytest.fixture
def settings(tmp_path: Path, machines: Machines, image: str, inside: str) -> DockerSettings:
    made = make_settings(tmp_path, machines.host(1), image)
    return replace(made, service_container=inside, subnets="10.223.0.0/16")


@pytest.fixture
async def backend(settings: DockerSettings) -> AsyncIterator[SwarmBackend]:
    poll = SwarmSettings(poll=0.5)
    backend = SwarmBackend(settings, poll)
    await backend.open()
    yield backend
    await backend.close()
    await remove_everything(SwarmBackend(settings, poll))
    assert await left_over(settings, SwarmEngine) == []


def _docker(host: str, *arguments: str) -> str:
    return subprocess.run(["docker", "-H", host, *arguments], capture_output=True, text=True, check=True).stdout.strip()
