"""A Spark cluster as a skilled user's script starts it: no wait that is not needed, nothing tuned unless told to."""

from __future__ import annotations

import json
import os
import secrets
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from processes import HOST, Processes, answers, free_port
from pyspark.sql.connect.session import SparkSession
from report import wait_until

MASTER = "org.apache.spark.deploy.master.Master"
WORKER = "org.apache.spark.deploy.worker.Worker"
CONNECT = "org.apache.spark.sql.connect.service.SparkConnectServer"


@dataclass(frozen=True)
class Flags:
    """What the JVMs are started with beyond Spark's own choice."""

    services: Sequence[str] = ()
    executors: Sequence[str] = ()


def attach(folder: Path, spark_home: Path, java_home: Path, flags: Flags) -> float:
    """Seconds from nothing to the first result with two workers; the cluster is gone afterwards."""
    folder.mkdir(parents=True)
    script = Script(folder, spark_home, java_home, flags)
    with Processes(folder / "spark.log") as processes:
        begin = time.perf_counter()
        script.start(processes)
        session = SparkSession.builder.remote(script.remote).create()
        assert first_result(session) == 4950
        wait_until(lambda: script.workers() == 2, "The second worker")
        took = time.perf_counter() - begin
        session.stop()
    return took


def first_result(session: SparkSession) -> int:
    """What a small job on the cluster gives: 4950."""
    return int(session.range(100).selectExpr("sum(id)").collect()[0][0])


class Script:
    """Master; when its port is open, two workers and a Spark Connect server at once; then its port."""

    def __init__(self, folder: Path, spark_home: Path, java_home: Path, flags: Flags) -> None:
        self.folder = folder
        self.bin = spark_home / "bin"
        self.flags = flags
        self.port, self.ui, self.grpc = free_port(), free_port(), free_port()
        self.token = secrets.token_urlsafe(32)
        self.environment = {
            "SPARK_HOME": str(spark_home),
            "JAVA_HOME": str(java_home),
            "SPARK_LOCAL_IP": HOST,
            "SPARK_DAEMON_JAVA_OPTS": " ".join(flags.services),
            "PATH": f"{java_home / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        }

    @property
    def remote(self) -> str:
        return f"sc://{HOST}:{self.grpc}/;authorization={quote('Bearer ' + self.token)}"

    def start(self, processes: Processes) -> None:
        """Returns when the Spark Connect server accepts connections."""
        properties = self.folder / "spark.properties"
        properties.touch(mode=0o600)
        properties.write_text("\n".join(f"{name} {value}" for name, value in self.properties().items()))
        common = ["--properties-file", str(properties)]
        spark_class, master = str(self.bin / "spark-class"), f"spark://{HOST}:{self.port}"
        address = ["--host", HOST, "--port", str(self.port), "--webui-port", str(self.ui)]
        processes.start([spark_class, MASTER, *address, *common], self.environment, self.folder)
        wait_until(lambda: answers(self.port), "The master")
        for number in range(2):
            place = ["--host", HOST, "--webui-port", "0", "--work-dir", str(self.folder / f"work-{number}")]
            offer = ["--cores", "1", "--memory", "1g"]
            processes.start([spark_class, WORKER, *place, *offer, *common, master], self.environment, self.folder)
        submit = [str(self.bin / "spark-submit"), "--master", master, *common, "--class", CONNECT]
        if self.flags.services:
            submit += ["--driver-java-options", " ".join(self.flags.services)]
        processes.start([*submit, "spark-internal"], self.environment, self.folder)
        wait_until(lambda: answers(self.grpc), "The Spark Connect server")

    def properties(self) -> dict[str, object]:
        chosen: dict[str, object] = {
            "spark.authenticate": "true",
            "spark.authenticate.secret": secrets.token_urlsafe(32),
            "spark.connect.authenticate.token": self.token,
            "spark.connect.grpc.binding.address": HOST,
            "spark.connect.grpc.binding.port": self.grpc,
            "spark.driver.host": HOST,
            "spark.ui.port": free_port(),
            "spark.local.dir": self.folder / "local",
            "spark.sql.warehouse.dir": self.folder / "warehouse",
        }
        if self.flags.executors:
            chosen["spark.executor.extraJavaOptions"] = " ".join(self.flags.executors)
        return chosen

    def workers(self) -> int:
        """How many workers the master counts as alive."""
        with urllib.request.urlopen(f"http://{HOST}:{self.ui}/json/", timeout=10) as answer:
            return sum(worker["state"] == "ALIVE" for worker in json.load(answer)["workers"])
