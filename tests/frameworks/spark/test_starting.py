"""How a cluster starts: the server beside its master, and every process from the class archive."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import psutil
import pytest

from .conftest import framework_module
from .spark_cluster import Cluster, Instance, free_port, until

ASKS = "Connecting to master spark:"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Iterator[Cluster]:
    """One whose server was there before its master."""
    folder = tmp_path_factory.mktemp("spark")
    with Cluster(folder, prepared, workers=1, memory="512 MiB", driver_memory="512 MiB") as one:
        # The server is told of an address at which nobody listens yet.
        gone = one.launch("master")
        gone.process.kill()
        gone.process.wait()
        server = one.launch("connect")
        until(lambda: "Start Jetty" in server.log.read_text(), "the server has begun")
        assert ASKS not in server.log.read_text()
        one.launch("master")
        one.launch("worker")
        until(lambda: server.answers("grpc"), "Spark Connect answers")
        yield one


def test_without_the_plugin_the_server_is_started_when_its_master_listens() -> None:
    port = free_port()
    waiting = threading.Thread(
        target=framework_module("launch").await_master, args=[f"spark://127.0.0.1:{port}"], daemon=True
    )
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    with socket.create_server(("127.0.0.1", port)):
        waiting.join(60)
    assert not waiting.is_alive()


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_server_waits_for_its_master_and_asks_once(cluster: Cluster, connector: ModuleType) -> None:
    assert cluster.instances["connect", 0].log.read_text().count(ASKS) == 1
    names = connector.connect(cluster.connection())
    assert names["spark"].range(10).count() == 10
    connector.disconnect(names)


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_process_is_started_from_the_archive(cluster: Cluster, prepared: Path) -> None:
    archive = framework_module("runtime").find().archive(str(prepared))
    if not archive.is_file():
        pytest.skip("Spark's class archive is not there; `make setup` makes it.")
    until(lambda: len(javas(cluster.instances["worker", 0])) == 2, "worker and executor are there")
    # A JVM that cannot use it says nothing and starts slower.
    for (name, _), instance in cluster.instances.items():
        for java in javas(instance):
            mapped = {mapping.path for mapping in java.memory_maps()}
            assert str(archive.resolve()) in mapped, f"{name}: {java.cmdline()}"


def javas(instance: Instance) -> list[psutil.Process]:
    """The JVMs of an instance."""
    found = []
    for pid in [instance.process.pid, *instance.descendants()]:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            if Path(process.exe()).name == "java":
                found.append(process)
    return found
