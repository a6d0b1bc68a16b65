"""A plugin of pytest that puts ZoeDockerSpawner in the place of DockerSpawner, in that one's own tests.

``scripts/dockerspawner_tests.py`` runs it. The fixtures are those that these tests want, by their names; Zoe's service
is a real one. Images that the tests name and the engine has not are other names of Zoe's own for the time.
"""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import docker as docker_client
import dockerspawner
import pytest
import pytest_asyncio
from jupyterhub.tests.conftest import app as jupyterhub_app  # noqa: F401
from jupyterhub.tests.conftest import io_loop, ssl_tmpdir, user  # noqa: F401
from jupyterhub.tests.mocking import MockHub
from traitlets import default

from tests.chaos.hub import SmallHub, token_of
from tests.chaos.services import Service
from tests.spawner.hub import find_proxy, free_port
from zoe_hub.spawner.docker import ZoeDockerSpawner

NOTEBOOK = "zoe/jupyter:0.1"
LITTLE = ("busybox:1.29.1", "busybox:latest")
_where: dict[str, str] = {}


class SpawnerUnderTest(ZoeDockerSpawner):
    """Configured as `zoe_hub.hub.configure` does."""

    @default("zoe_url")
    def _url_of_the_service(self) -> str:
        return _where.get("url", "")

    @default("zoe_token")
    def _token_of_the_service(self) -> str:
        return token_of("zoe")


DEFAULT_IMAGE = dockerspawner.DockerSpawner().image
dockerspawner.DockerSpawner = SpawnerUnderTest
# Warnings name the class, and one test compares a whole sentence.
SpawnerUnderTest.__name__ = "DockerSpawner"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    client = docker_client.from_env()
    for item in items:
        if pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)
        if item.name.startswith("test_image_pull_policy") and not _pulls(client, LITTLE[0]):
            item.add_marker(pytest.mark.skip(reason="the engine reaches no registry to pull from"))


def _pulls(client: Any, image: str) -> bool:
    try:
        client.images.pull(image)
    except docker_client.errors.APIError:
        return False
    return True


@pytest.fixture(scope="session", autouse=True)
def docker() -> Iterator[Any]:
    """A client of the engine, with the images that the tests name; their containers are removed afterwards."""
    client = docker_client.from_env()
    proxy = find_proxy()
    assert proxy is not None, "configurable-http-proxy is missing: `make setup` installs it"
    # The Hub of these tests looks for it there.
    os.environ["PATH"] = os.pathsep.join([str(Path(proxy).parent), os.environ["PATH"]])
    gateway = client.networks.get("bridge").attrs["IPAM"]["Config"][0].get("Gateway")
    MockHub.hub_ip = "0.0.0.0"
    MockHub.hub_connect_ip = gateway or "172.17.0.1"
    tagged = []
    for name in (DEFAULT_IMAGE, "quay.io/jupyterhub/singleuser:4", "quay.io/jupyterhub/singleuser:4.0", *LITTLE):
        try:
            client.images.get(name)
        except docker_client.errors.ImageNotFound:
            client.images.get(NOTEBOOK).tag(name)
            tagged.append(name)
    try:
        yield client
    finally:
        for container in client.containers.list(all=True):
            if container.name.startswith("dockerspawner-test"):
                container.remove(force=True)
        for name in tagged:
            client.images.remove(name, noprune=True)


@pytest.fixture(scope="session", autouse=True)
def zoe() -> Iterator[None]:
    """Zoe's service, with its shop, in a thread's event loop."""
    ready, over = threading.Event(), threading.Event()

    async def serve(folder: Path) -> None:
        (folder / "zoe_config.py").write_text("c.ZoeConfig.max_executions = 0\n")
        with SmallHub() as hub:
            service = Service(folder, hub.environment(folder / "home", free_port()))
            service.start()
            await service.answers()
            _where["url"] = service.url.rstrip("/")
            ready.set()
            await asyncio.to_thread(over.wait)
            await service.stop()

    with tempfile.TemporaryDirectory(prefix="zoe-dockerspawner-") as name:
        thread = threading.Thread(target=lambda: asyncio.run(serve(Path(name))))
        thread.start()
        try:
            assert ready.wait(60), "Zoe's service does not answer"
            yield
        finally:
            over.set()
            thread.join()


@pytest.fixture(scope="session", autouse=True)
def something_listens() -> Iterator[None]:
    """At an address that one test gives out for its server's: a server is ready when it can be reached."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 1234))
        listener.listen()
        yield


@pytest.fixture
def app(jupyterhub_app: Any) -> Any:  # noqa: F811
    """A Hub whose administrator has set DockerSpawner up."""
    jupyterhub_app.config.DockerSpawner.prefix = "dockerspawner-test"
    jupyterhub_app.config.DockerSpawner.image = DEFAULT_IMAGE
    return jupyterhub_app


@pytest.fixture
def dockerspawner_configured_app(app: Any) -> Iterator[Any]:
    settings = {"allow_named_servers": True, "named_server_limit_per_user": 2, "spawner_class": SpawnerUnderTest}
    with mock.patch.dict(app.tornado_settings, settings):
        yield app


@pytest.fixture
def username(request: pytest.FixtureRequest) -> str:
    return f"test-user-{abs(hash(request.node.nodeid))}"
