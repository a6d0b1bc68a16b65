"""Fixtures for the Docker back end, on a real engine: marker `docker`.

`docker_host`  where the engine listens: ZOE_TEST_DOCKER_HOST, else the usual socket; skips, and says what is missing
`image`        an image with a Python, built once from `Dockerfile` here (ZOE_TEST_DOCKER_BASE: its base image)
`guard_image`  the one that keeps networks apart, from this tree
`settings`     settings of a back end with a folder and labels of its own
`backend`      an open one; whatever it left on the engine is removed afterwards, and fails the test
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.backends.leftovers import left_over, remove_everything
from zoe_hub.backends.docker.backend import DockerBackend
from zoe_hub.backends.docker.engine import Engine, EngineAway
from zoe_hub.backends.docker.settings import DockerSettings, Mount

_SOCKET = Path("/var/run/docker.sock")


@pytest.fixture(scope="session")
def docker_host() -> str:
    host = os.environ.get("ZOE_TEST_DOCKER_HOST", "") or (f"unix://{_SOCKET}" if _SOCKET.exists() else "")
    if not host:
        pytest.skip(f"there is no Docker engine: neither ZOE_TEST_DOCKER_HOST is set, nor is there a {_SOCKET}")

    async def ask() -> None:
        engine = Engine(host)
        try:
            await engine.info()
        finally:
            await engine.close()

    try:
        asyncio.run(ask())
    except EngineAway as error:
        pytest.skip(str(error))
    return host


@pytest.fixture(scope="session")
def image(docker_host: str) -> str:
    return built(docker_host, "zoe.test/python", Path(__file__).parent)


@pytest.fixture(scope="session")
def guard_image(docker_host: str) -> Iterator[str]:
    name = built(docker_host, "zoe.test/guard", Path(__file__).parents[3] / "images" / "guard")
    asked = ["docker", "-H", docker_host, "run", "--rm", "--network=host", "--userns=host", "--cap-add=NET_ADMIN"]
    looked = [*asked, "--entrypoint=iptables", name, "-t", "mangle", "-n", "-L", "ZOE-NETWORKS"]
    stood = subprocess.run(looked, capture_output=True, check=False).returncode == 0
    yield name
    # As it was: somebody else's service may rely on it.
    subprocess.run([*asked, name, *([] if stood else ["remove"])], capture_output=True, check=False)


def built(host: str, name: str, folder: Path) -> str:
    """The name of an image, which is built where the engine has not got it."""
    base = os.environ.get("ZOE_TEST_DOCKER_BASE")
    known = subprocess.run(["docker", "-H", host, "image", "inspect", name], capture_output=True, check=False)
    if known.returncode:
        arguments = ["--build-arg", f"BASE_IMAGE={base}"] if base else []
        build = subprocess.run(
            ["docker", "-H", host, "build", *arguments, "-t", name, str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        if build.returncode:
            pytest.skip(f"the image {name} of the tests cannot be built: {build.stderr[-500:]}")
    return name


@pytest.fixture
def settings(tmp_path: Path, docker_host: str, image: str, guard_image: str) -> DockerSettings:
    return replace(make_settings(tmp_path, docker_host, image), guard_image=guard_image)


def make_settings(folder: Path, host: str, image: str) -> DockerSettings:
    """Of a back end below that folder, which everybody may write into afterwards."""
    # Programs run as another user than the tests.
    for each in (folder, *folder.parents):
        if each == Path("/tmp"):
            break
        each.chmod(each.stat().st_mode | 0o711)
    folder.chmod(0o777)
    return DockerSettings(
        folder=folder / "zoe",
        framework_folder=lambda name: folder / "frameworks" / name,
        host=host,
        default_image=image,
        pull_policy="never",
        mounts=(Mount(str(folder), str(folder)),),
        # Two cores for all tests: nobody should wait for a share of one.
        cpu_burst=0,
        subnets="10.222.0.0/16",
        subnet_prefix=26,
        resync=2.0,
    )


@pytest.fixture
async def backend(settings: DockerSettings) -> AsyncIterator[DockerBackend]:
    backend = DockerBackend(settings)
    await backend.open()
    yield backend
    await backend.close()
    await nothing_is_left(settings)


async def nothing_is_left(settings: DockerSettings) -> None:
    """End all that runs; then the engine must have nothing of it."""
    await remove_everything(DockerBackend(settings))
    assert await left_over(settings) == []
