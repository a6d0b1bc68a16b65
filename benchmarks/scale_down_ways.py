"""Ways to let a Spark worker go. What each is, what it sets, and what it does beyond the signal."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import runtime

from tests.frameworks.spark.spark_cluster import Cluster, Instance, free_port, until


class Way:
    """The framework as it is, with other properties for its processes; without the plugin unless it says so."""

    plugin = False

    def __init__(self, what: str, **properties: str) -> None:
        self.what = what
        self.properties = {name.replace("_", "."): value for name, value in properties.items()}

    @contextmanager
    def around(self, cluster: Cluster) -> Iterator[None]:
        """While the cluster lives."""
        folder = str(cluster.folder)
        own = {name: value.replace("FOLDER", folder) for name, value in self.properties.items()}
        # Tasks then fetch bit by bit, as they would with partitions of many megabytes.
        cluster.properties["connect"] = {"spark.reducer.maxSizeInFlight": "256k", **own}
        yield

    def after_the_signal(self, cluster: Cluster, going: list[Instance]) -> None:
        """When the workers have been told."""


class Handover(Way):
    """The framework as shipped."""

    plugin = True


class StagesFirst(Way):
    """Executors stay until all stages have ended that ran when their data had been copied."""

    SETTLE = 4.0
    """Seconds after which small data counts as copied; nothing outside of Spark can know."""

    def after_the_signal(self, cluster: Cluster, going: list[Instance]) -> None:
        time.sleep(self.SETTLE)
        old = active(cluster)
        until(lambda: not old & active(cluster), "the stages have ended", 120)
        for each in going:
            each.process.send_signal(signal.SIGTERM)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def active(cluster: Cluster) -> set[int]:
    return {stage["stageId"] for stage in cluster.driver("stages?status=active")}


class ShuffleService(Way):
    """Spark's external shuffle service: one for the machine, because all workers would open the same port."""

    @contextmanager
    def around(self, cluster: Cluster) -> Iterator[None]:
        found, port = runtime.find(), free_port()
        folder = cluster.folder / "service"
        folder.mkdir(parents=True)
        with super().around(cluster):
            cluster.properties["connect"] |= {
                "spark.shuffle.service.enabled": "true",
                "spark.shuffle.service.port": str(port),
                "spark.storage.decommission.shuffleBlocks.enabled": "false",
            }
            dirs = ",".join(str(cluster.folder / f"worker-{ordinal}" / "tmp") for ordinal in range(8))
            lines = {
                "spark.authenticate": "true",
                "spark.authenticate.secret": cluster.values["secret.auth"],
                "spark.shuffle.service.port": str(port),
                "spark.local.dir": dirs,
                "spark.shuffle.service.db.enabled": "false",
            }
            defaults = folder / "spark-defaults.conf"
            defaults.touch(mode=0o600)
            defaults.write_text("".join(f"{key} {value}\n" for key, value in lines.items()))
            command: list[Any] = [found.java, *runtime.FAST_START, *found.ask_launcher()]
            with (folder / "log").open("wb") as log:
                service = subprocess.Popen(
                    [*command, "org.apache.spark.deploy.ExternalShuffleService"],
                    env={**found.environment(), "SPARK_CONF_DIR": str(folder)},
                    cwd=folder,
                    stdout=log,
                    stderr=log,
                )
            try:
                until(lambda: listens(port), "the service is there")
                yield
            finally:
                service.terminate()
                service.wait()


WAYS: dict[str, Way] = {
    "spark": Way("what Spark does by itself: copy everything, then go"),
    "zoe": Handover("the framework as shipped: serve until the last reader of the old place is done"),
    "stages": StagesFirst(
        "copy everything, then stay until the stages of then have ended",
        spark_test_executor_decommission_initial_sleep_millis=str(10 * 60 * 1000),
    ),
    "service": ShuffleService("Spark's external shuffle service keeps serving the files"),
    "fallback": Way(
        "a folder that all can read as Spark's fallback storage",
        spark_storage_decommission_fallbackStorage_path="file://FOLDER/fallback/",
        spark_storage_decommission_fallbackStorage_cleanUp="true",
    ),
    "retries": Way(
        "more patience of the readers",
        spark_shuffle_io_maxRetries="10",
        spark_shuffle_io_retryWait="1s",
        spark_stage_ignoreDecommissionFetchFailure="true",
    ),
}
