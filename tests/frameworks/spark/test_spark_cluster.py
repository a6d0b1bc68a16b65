"""One real cluster, through its life: results, scaling, failures, pages, secrets, and nothing left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .spark_cluster import Cluster, bearer, unpadded, until

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.timeout(300)]


class Job(threading.Thread):
    """A query in the background; `answer` raises what it raised."""

    def __init__(self, action: Any) -> None:
        super().__init__(daemon=True)
        self.action = action
        self.result: Any = None
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self.result = self.action()
        except BaseException as error:
            self.error = error

    def answer(self, timeout: float = 150) -> Any:
        self.join(timeout)
        assert not self.is_alive(), "the job did not end"
        if self.error:
            raise self.error
        return self.result


def slowly(spark: Any, tasks: int, seconds: float) -> Any:
    """A query of so many tasks, each of which takes so long; its result is the sum of 0 … tasks - 1."""

    def crawl(frames: Any) -> Any:
        import time

        for frame in frames:
            time.sleep(seconds if len(frame) else 0)
            yield frame

    return lambda: spark.range(0, tasks, 1, tasks).mapInPandas(crawl, "id long").groupBy().sum("id").collect()[0][0]


def slow_copy() -> Any:
    # A nested function travels to the workers by value; they cannot import this module.
    def crawl(frames: Any) -> Any:
        import time

        for frame in frames:
            time.sleep(0.5)
            yield frame

    return crawl


def copy_that_waits(leaving: str, gate: str, seconds: float = 0, opens: bool = False) -> Any:
    """Only the worker whose folder is `leaving` goes on before the file `gate` is there, and may open it by its end."""

    def crawl(frames: Any) -> Any:
        import os
        import time

        for frame in frames:
            while leaving not in os.environ["ZOE_NOTE"] and not os.path.exists(gate):
                time.sleep(0.1)
            time.sleep(seconds)
            yield frame
        if opens:
            open(gate, "a").close()

    return crawl


def executors(cluster: Cluster) -> set[str]:
    """The hosts of the executors that are there."""
    return {one["hostPort"].split(":")[0] for one in cluster.driver("executors") if one["isActive"]}


def running_on(cluster: Cluster) -> set[str]:
    """The hosts of the executors that took a task since they are there."""
    found = [one for one in cluster.driver("executors") if one["id"] != "driver" and one["totalTasks"]]
    return {one["hostPort"].split(":")[0] for one in found}


def test_result(spark: Any) -> None:
    frame = spark.createDataFrame([("AA", 1), ("UA", 2), ("AA", 3)], ["carrier", "delay"])
    rows = frame.groupBy("carrier").sum("delay").orderBy("carrier").collect()
    assert [tuple(row) for row in rows] == [("AA", 4), ("UA", 2)]


def test_live_figures(cluster: Cluster, spark: Any) -> None:
    assert spark.range(3).count() == 3
    status = cluster.status()
    assert (status["workers"], status["cores"], status["running"], status["waiting"]) == (2, 2, 1, 0)
    assert status["memory_mib"] == 1024


def test_wrong_token_is_refused(cluster: Cluster, connector: ModuleType) -> None:
    with pytest.raises(ConnectionError, match="UNAUTHENTICATED"):
        connector.connect({**cluster.connection(), "token": "guessed"})


def test_pages_need_the_owner_s_token(cluster: Cluster, spark: Any) -> None:
    spark.range(3).count()
    master = json.loads(cluster.get("master", "/json/")[1])
    app, worker = master["activeapps"][0]["id"], master["workers"][0]["id"]
    pages = ["/", "/json/", f"/app/?appId={app}", f"/proxy/{app}/jobs/", f"/proxy/{worker}/"]
    for path in pages:
        assert cluster.get("master", path, authorized=False)[0] == 403, path
        assert cluster.get("master", path)[0] == 200, path
    for process in ("connect", "worker"):
        assert cluster.get(process, "/", authorized=False)[0] == 403
    own = cluster.values["bearer.ui"]
    cluster.values["bearer.ui"] = bearer(unpadded(b"x" * 32))
    assert cluster.get("master", "/")[0] == 403
    cluster.values["bearer.ui"] = own


def test_links_lead_through_the_public_prefix(cluster: Cluster, spark: Any) -> None:
    spark.range(3).count()
    app = json.loads(cluster.get("master", "/json/")[1])["activeapps"][0]["id"]
    prefix = f"{cluster.prefix}/spark.master/ui"
    for path in ("/", f"/proxy/{app}/jobs/"):
        _, body = cluster.get("master", path)
        links = re.findall(r'(?:href|src)="(/[^"]*)"', body.decode())
        assert links
        assert [link for link in links if not link.startswith(prefix)] == []
        for link in (link for link in links if "/static/" in link):
            assert cluster.get("master", link.removeprefix(prefix))[0] == 200, link


def test_no_secret_on_a_command_line_in_a_log_or_readable_by_others(cluster: Cluster, spark: Any) -> None:
    spark.range(3).count()
    secrets = [value for name, value in cluster.values.items() if name.startswith(("secret.", "bearer."))]
    for instance in cluster.instances.values():
        for pid in [instance.process.pid, *instance.descendants()]:
            line = Path(f"/proc/{pid}/cmdline").read_text()
            assert [secret for secret in secrets if secret in line] == []
        log = instance.log.read_text()
        assert [secret for secret in secrets if secret in log] == []
        assert (instance.folder / "spark.properties").stat().st_mode & 0o077 == 0
    _, body = cluster.get("connect", "/environment/")
    assert [secret for secret in secrets if secret.encode() in body] == []


def test_listens_on_loopback_only(cluster: Cluster, spark: Any) -> None:
    spark.range(3).count()
    inodes = set()
    for instance in cluster.instances.values():
        for pid in [instance.process.pid, *instance.descendants()]:
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                try:
                    inodes.add(os.readlink(descriptor))
                except OSError:
                    continue
    open_to_all = []
    for family in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{family}").read_text().splitlines()[1:]:
            words = line.split()
            address = words[1].split(":")[0]
            loopback = address.endswith("7F") or address == "0" * 24 + "01000000"
            if words[3] == "0A" and f"socket:[{words[9]}]" in inodes and not loopback:
                open_to_all.append(words[1])
    assert open_to_all == []


def test_a_worker_that_joins_is_used_by_the_job_that_runs(cluster: Cluster, spark: Any) -> None:
    job = Job(slowly(spark, 40, 0.7))
    until(lambda: len(running_on(cluster)) == 2, "the job runs on both workers")
    cluster.launch("worker", 2)
    until(lambda: "127.1.0.3" in running_on(cluster), "the new worker has run a task of the job")
    assert job.is_alive(), "the job was over before the new worker was used"
    assert job.answer() == sum(range(40))


def test_draining_fails_no_task_and_keeps_cached_data(cluster: Cluster, spark: Any) -> None:
    if ("worker", 2) not in cluster.instances:
        cluster.launch("worker", 2)
    cluster.wait_for_workers(3)
    cached = spark.range(0, 6000, 1, 12).selectExpr("id", "id % 7 as k").cache()
    assert cached.count() == 6000
    before = {stage["stageId"] for stage in cluster.driver("stages")}
    job = Job(lambda: cached.mapInPandas(slow_copy(), "id long, k long").count())
    until(lambda: [s for s in cluster.driver("stages") if s["stageId"] not in before], "the job runs")
    gone = cluster.drain(2)
    assert gone.process.wait(60) == 0
    assert job.answer() == 6000
    stages = [stage for stage in cluster.driver("stages") if stage["stageId"] not in before]
    assert sum(stage["numFailedTasks"] for stage in stages) == 0
    assert {stage["attemptId"] for stage in stages} == {0}
    assert cluster.driver("storage/rdd")[0]["numCachedPartitions"] == 12, "cached data was lost"
    cached.unpersist()
    cluster.wait_for_workers(2)


def test_draining_fails_no_task_that_reads_shuffled_data_now_or_later(cluster: Cluster, spark: Any) -> None:
    leaving = cluster.launch("worker", 3)
    until(lambda: "127.1.0.4" in executors(cluster), "the new worker takes tasks")
    spark.conf.set("spark.sql.adaptive.enabled", "false")
    spark.conf.set("spark.sql.autoBroadcastJoinThreshold", "-1")
    spark.conf.set("spark.sql.shuffle.partitions", "8")
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "500")
    before = {stage["stageId"] for stage in cluster.driver("stages")}
    gate = cluster.folder / "handed-over"
    # Each worker has a part of the data, the one that will leave too.
    mapped = copy_that_waits(str(leaving.folder), str(cluster.folder / "mapped"), opens=True)
    wide = (
        spark.range(0, 48_000, 1, 12)
        .mapInPandas(mapped, "id long")
        .selectExpr("id", "repeat(sha2(string(id), 512), 8) as k")
    )
    # Each task takes its data from all others. On the workers that stay they read on until one has handed over.
    crawl = copy_that_waits(str(leaving.folder), str(gate), 0.5)
    read_now = wide.repartition(24, "id").mapInPandas(crawl, "id long, k string")
    # Shuffled at the same time, and read by the join when the worker has long been gone.
    read_later = spark.range(0, 48_000, 1, 12)
    job = Job(lambda: read_now.join(read_later, "id").count())

    def stages() -> list[Any]:
        return [stage for stage in cluster.driver("stages") if stage["stageId"] not in before]

    until(lambda: [s for s in stages() if s["numTasks"] == 24 and s["numCompleteTasks"]], "the data is being read", 150)
    gone = cluster.drain(3)
    until(lambda: (gone.folder / "note").exists() or gone.process.poll() is not None, "the worker has handed over")
    said = (gone.folder / "note").read_text() if (gone.folder / "note").exists() else "it did not wait for its readers"
    assert re.fullmatch(r"(1 task still reads|\d+ tasks still read) its shuffle data", said), said
    gate.touch()
    assert gone.process.wait(60) == 0
    assert job.is_alive(), "it did not go before the stage was over"
    assert job.answer() == 48_000
    assert [stage["numCompleteTasks"] for stage in stages() if stage["numTasks"] == 12] == [12, 12], "computed again"
    assert sum(stage["numFailedTasks"] for stage in stages()) == 0
    assert {stage["attemptId"] for stage in stages()} == {0}
    cluster.wait_for_workers(2)


def test_an_idle_worker_drains_at_once(cluster: Cluster, spark: Any) -> None:
    cluster.launch("worker", 5)
    cluster.wait_for_workers(3)
    assert cluster.drain(5).process.wait(30) == 0
    cluster.wait_for_workers(2)
    assert spark.range(5).count() == 5


@pytest.mark.parametrize("victim", ["supervisor", "java"])
def test_a_killed_worker_does_not_stop_the_job(cluster: Cluster, spark: Any, victim: str) -> None:
    job = Job(slowly(spark, 16, 0.5))
    until(lambda: len(running_on(cluster)) == 2, "the job runs on both workers")
    instance = cluster.instances["worker", 1]
    tree = [instance.process.pid, *instance.descendants()]
    os.kill(tree[0 if victim == "supervisor" else 1], signal.SIGKILL)
    assert instance.process.wait(20) != 0
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in tree), "nothing is left of the worker", 20)
    assert job.answer() == sum(range(16))
    cluster.launch("worker", 1)
    cluster.wait_for_workers(2)


def test_a_killed_connect_server_is_noticed_and_its_successor_used(cluster: Cluster, connector: ModuleType) -> None:
    names = connector.connect(cluster.connection())
    assert connector.alive(names)
    server = cluster.instances["connect", 0].process
    server.kill()
    server.wait()
    assert not connector.alive(names)
    cluster.launch("connect")
    until(lambda: cluster.instances["connect", 0].answers("grpc"), "the server is back", 120)
    assert not connector.alive(names)
    connector.disconnect(names)
    again = connector.connect(cluster.connection())
    assert again["spark"].range(4).count() == 4
    connector.disconnect(again)


def test_a_killed_master_comes_back_with_its_workers(cluster: Cluster, spark: Any) -> None:
    assert spark.range(4).count() == 4
    master = cluster.instances["master", 0].process
    master.kill()
    master.wait()
    cluster.launch("master")
    until(lambda: cluster.instances["master", 0].answers("rpc"), "the master is back")
    cluster.wait_for_workers(2)
    assert spark.range(5).count() == 5


def test_leaves_nothing_behind(cluster: Cluster, spark: Any) -> None:
    assert slowly(spark, 2, 0)() == 1
    pids = [pid for one in cluster.instances.values() for pid in (one.process.pid, *one.descendants())]
    cluster.stop()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "all processes are gone", 20)
    began = (cluster.folder / "master-0" / "tmp").stat().st_ctime
    # Other clusters may run on this machine: what is named after one of this cluster's processes is its own.
    names = re.compile("|".join(rf"\b{pid}\b" for pid in pids))
    assert [path for path in Path("/tmp").iterdir() if names.search(path.name)] == []
    prefixes = ("spark-", "blockmgr-", "artifacts-", "liblz4", "libzstd", "libnetty", "snappy-", "executor-")
    new = [path for path in Path("/tmp").glob("*") if path.name.startswith(prefixes) and path.stat().st_ctime > began]
    assert new == []
