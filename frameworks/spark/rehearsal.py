"""A small Spark cluster that does typical work once, while its JVMs note the classes they load."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import runtime

PATIENCE = 180.0
"""Seconds after which the small cluster counts as stuck."""


class NotPrepared(Exception):
    """Raised when there will be no archive; the message says why."""


def collect(found: runtime.Runtime, options: Sequence[str], work: Path) -> list[Path]:
    """Run the cluster and some typical work; the lists of classes that its JVMs wrote. Raises NotPrepared."""
    rpc, grpc, token = free_port(), free_port(), os.urandom(32).hex()
    (work / "tmp").mkdir()
    properties = work / "spark.properties"
    properties.touch(mode=0o600)
    properties.write_text("".join(f"{key} {value}\n" for key, value in _settings(work, rpc, grpc, token).items()))
    settled = ["--properties-file", str(properties)]
    own = ["--host", "127.0.0.1", "--webui-port", "0"]
    submit = ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"]
    roles = {
        "master": ["org.apache.spark.deploy.master.Master", *own, "--port", str(rpc), *settled],
        "worker": [
            *["org.apache.spark.deploy.worker.Worker", *own, "--cores", "1", "--memory", "512m"],
            *["--work-dir", str(work / "work"), *settled, f"spark://127.0.0.1:{rpc}"],
        ],
        "connect": ["org.apache.spark.deploy.SparkSubmit", *settled, *submit],
    }
    environment = {
        **found.environment(),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "TMPDIR": str(work / "tmp"),
    }
    started: list[subprocess.Popen[bytes]] = []
    try:
        for role, port in (("master", rpc), ("connect", 0), ("worker", grpc)):
            java = [found.java, *runtime.FAST_START, "-Xmx1g", f"-Djava.io.tmpdir={work / 'tmp'}"]
            command = [*java, f"-XX:DumpLoadedClassList={work / role}.classes", *options, *roles[role]]
            with (work / "log").open("ab") as log:
                started.append(
                    subprocess.Popen(
                        command,
                        cwd=work,
                        env=environment,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
                )
            if port:
                _wait_for(started, port, work / "log")
        work_a_little(f"sc://127.0.0.1:{grpc}/;user_id=zoe;authorization=Bearer%20{token}", work)
    finally:
        _end(started)
    return sorted(work.glob("*.classes"))


def _settings(work: Path, rpc: int, grpc: int, token: str) -> dict[str, object]:
    executor = [*runtime.FAST_START, "-Djava.io.tmpdir=.", f"-XX:DumpLoadedClassList={work}/executor-%p.classes"]
    return {
        "spark.master": f"spark://127.0.0.1:{rpc}",
        "spark.executor.memory": "512m",
        "spark.executor.extraJavaOptions": runtime.joined(executor),
        "spark.authenticate": "true",
        "spark.authenticate.secret": os.urandom(32).hex(),
        "spark.master.rest.enabled": "false",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": grpc,
        "spark.connect.authenticate.token": token,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.port": 0,
        "spark.ui.reverseProxy": "true",
        "spark.ui.filters": "org.apache.spark.ui.JWSFilter",
        "spark.org.apache.spark.ui.JWSFilter.param.secretKey": os.urandom(32).hex(),
        "spark.decommission.enabled": "true",
        "spark.storage.decommission.enabled": "true",
        "spark.storage.decommission.rddBlocks.enabled": "true",
        "spark.storage.decommission.shuffleBlocks.enabled": "true",
        "spark.deploy.recoveryMode": "FILESYSTEM",
        "spark.deploy.recoveryDirectory": work / "recovery",
        "spark.local.dir": work / "tmp",
        "spark.sql.warehouse.dir": work / "warehouse",
    }


def _end(started: Sequence[subprocess.Popen[bytes]]) -> None:
    """End them as they should end: a JVM that is killed does not write the rest of its list of classes."""
    # The server goes before the worker, whose executor then ends by itself.
    for role in [*started[1:], *started[:1]]:
        role.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            role.wait(20)
        # A worker's executors are in its group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(role.pid, signal.SIGKILL)
        role.wait()


def _wait_for(started: Sequence[subprocess.Popen[bytes]], port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and all(process.poll() is None for process in started):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    last = log.read_text(errors="replace").strip().splitlines()[-15:]
    raise NotPrepared("the small cluster did not start; its last words:\n" + "\n".join(last) + "\n")


def work_a_little(url: str, folder: Path) -> None:
    """What people do first: a table from the notebook, groups, a join, a cache, a file, a Python function.

    Raises NotPrepared when the client's packages are missing or the work failed.
    """
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    try:
        import pandas  # type: ignore[import-untyped, unused-ignore]
        from pyspark.sql import functions as F
        from pyspark.sql.connect.session import SparkSession
    except ImportError as error:
        raise NotPrepared(f"{error}; install pyspark[connect] into this Python.") from error
    spark = SparkSession.Builder().remote(url).create()
    try:
        columns = {"carrier": ["AA", "UA", None] * 2000, "delay": [1.5, 2.5, None] * 2000, "month": [1, 2, 3] * 2000}
        frame = spark.createDataFrame(pandas.DataFrame(columns))
        frame.groupBy("carrier").count().collect()
        frame.createOrReplaceTempView("flights")
        spark.sql(
            "select month, avg(delay) as late from flights where delay > 1 group by month order by late"
        ).toPandas()
        names = spark.createDataFrame([("AA", "American"), ("UA", "United")], ["carrier", "name"])
        frame.join(names, "carrier").cache().agg(F.max("delay"), F.countDistinct("name")).collect()
        frame.write.parquet(str(folder / "table"))
        spark.read.parquet(str(folder / "table")).filter("delay is not null").limit(5).collect()
        twice = F.udf(lambda month: month * 2, "int")
        spark.range(100).repartition(4).select(twice(F.col("id"))).count()
        spark.range(100).withColumn("k", F.col("id") % 3).groupBy("k").sum("id").collect()
    except Exception as error:
        # Whatever the client raises: its exceptions have no common base across versions.
        raise NotPrepared(f"the small cluster did not work: {error}.") from error
    finally:
        spark.stop()


def free_port() -> int:
    """A port of the loopback address that nothing uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
