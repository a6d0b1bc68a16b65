"""How a cluster starts: the server beside its master, and every process from the class archive."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest

from .conftest import framework_module
from .spark_cluster import ROOT, Cluster, Instance, free_port, until

ASKS = "Connecting to master spark:"


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
class TestARealCluster:
    @pytest.fixture(scope="class")
    def archived(self, prepared: Path) -> Path:
        """What set-up prepared; the cache of other tests where that has no archive."""
        runtime = framework_module("runtime")
        made = Path(os.environ.get("ZOE_HOME") or ROOT / ".zoe") / "data" / "cache" / "spark"
        return made if runtime.find().plugins(str(made)).is_file() else prepared

    @pytest.fixture(scope="class")
    def cluster(self, tmp_path_factory: pytest.TempPathFactory, archived: Path) -> Iterator[Cluster]:
        """One whose server was there before its master."""
        folder = tmp_path_factory.mktemp("spark")
        with Cluster(folder, archived, workers=1, memory="512 MiB", driver_memory="512 MiB") as one:
            # It is told of an address at which nobody listens yet.
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

    def test_its_server_waits_for_the_master_and_asks_once(self, cluster: Cluster, connector: ModuleType) -> None:
        assert cluster.instances["connect", 0].log.read_text().count(ASKS) == 1
        names = connector.connect(cluster.connection())
        assert names["spark"].range(10).count() == 10
        connector.disconnect(names)

    def test_every_process_is_started_from_the_archive(self, cluster: Cluster, archived: Path) -> None:
        archive = framework_module("runtime").find().archive(str(archived)).resolve()
        if not archive.is_file():
            pytest.skip("Spark's class archive is not there; `make setup` makes it.")
        until(lambda: len(javas(cluster.instances["worker", 0])) == 2, "worker and executor are there")
        for (name, ordinal), instance in cluster.instances.items():
            for java in javas(instance):
                mapped = {mapping.path for mapping in java.memory_maps(grouped=True)}
                assert str(archive) in mapped, f"{name} {ordinal}: {' '.join(java.cmdline())[-200:]}"


def javas(instance: Instance) -> list[Any]:
    """The JVMs of an instance."""
    root = psutil.Process(instance.process.pid)
    every: Callable[[Any], bool] = lambda process: Path(process.exe()).name == "java"  # noqa: E731
    return [process for process in [root, *root.children(recursive=True)] if every(process)]
