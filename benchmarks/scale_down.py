"""Four workers become two while a job runs: failed tasks and computing done again, Zoe's way and others.

`ZOE_BENCH_WAYS` names the ways, separated by commas; `all` for all of them. Each way gets a cluster of its own,
`ZOE_BENCH_ROUNDS` rounds of each scene, and its figures from the driver.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from hubs import CHECKOUT
from report import ROUNDS, end_on_signals, say

sys.path += [str(CHECKOUT), str(CHECKOUT / "frameworks" / "spark")]

import plugins
import runtime
from scale_down_ways import WAYS, Way

from tests.frameworks.spark.spark_cluster import Cluster, client, until

Query = Callable[[], int]
FULL, LESS = 4, 2


@dataclass
class Figures:
    """What one scene cost, added up over its rounds."""

    way: str
    scene: str
    rounds: int = 0
    wrong: int = 0
    failed: int = 0
    fetch_failed: int = 0
    again: int = 0
    """Tasks that succeeded more than once."""
    lost: int = 0
    """Cached partitions that were gone afterwards."""
    seconds: float = 0
    """The longest that a worker took to go."""


def crawl(seconds: float) -> Any:
    # A nested function travels to the workers by value; they cannot import this module.
    def slowly(frames: Any) -> Any:
        import time

        for frame in frames:
            time.sleep(seconds if len(frame) else 0)
            yield frame

    return slowly


class Scene(Protocol):
    """A query, and when in its course the workers go."""

    rows = 6000

    def prepare(self, spark: Any) -> None:
        """Before the query begins."""

    def clear(self, cluster: Cluster, spark: Any) -> int:
        """After it; returns how much of the cache is missing."""
        return 0

    def query(self, spark: Any) -> int:
        """Run it; returns how many rows it found, of `rows`."""
        ...

    def is_time(self, stages: list[Any]) -> bool:
        """Whether the workers should go now, by the stages that the query has begun."""
        return any(stage["numCompleteTasks"] >= 2 for stage in stages)


class Plain(Scene):
    """Tasks that read nothing of others."""

    def query(self, spark: Any) -> int:
        return int(spark.range(0, self.rows, 1, 24).mapInPandas(crawl(0.5), "id long").count())


class Cached(Scene):
    """Cached data is used while its holders go."""

    def prepare(self, spark: Any) -> None:
        self.cached = spark.range(0, self.rows, 1, 24).selectExpr("id", "id % 7 as k").cache()
        assert self.cached.count() == self.rows

    def query(self, spark: Any) -> int:
        return int(self.cached.mapInPandas(crawl(0.5), "id long, k long").count())

    def clear(self, cluster: Cluster, spark: Any) -> int:
        there = cluster.driver("storage/rdd")[0]["numCachedPartitions"]
        self.cached.unpersist(blocking=True)
        return 24 - int(there)


class ShuffleBeingRead(Scene):
    """The workers go while tasks read what they shuffled."""

    def query(self, spark: Any) -> int:
        numbers = spark.range(0, self.rows, 1, 12).selectExpr("id", "id % 7 as k")
        return int(numbers.repartition(32, "id").mapInPandas(crawl(0.7), "id long, k long").count())

    def is_time(self, stages: list[Any]) -> bool:
        return any(stage["numTasks"] == 32 and stage["numCompleteTasks"] >= 2 for stage in stages)


class ShuffleReadLate(ShuffleBeingRead):
    """The same, with tasks that fetch bit by bit, over many seconds, what they read."""

    rows = 96_000

    def prepare(self, spark: Any) -> None:
        spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "500")

    def clear(self, cluster: Cluster, spark: Any) -> int:
        spark.conf.unset("spark.sql.execution.arrow.maxRecordsPerBatch")
        return 0

    def query(self, spark: Any) -> int:
        wide = spark.range(0, self.rows, 1, 12).selectExpr("id", "repeat(sha2(string(id), 512), 8) as text")
        return int(wide.repartition(32, "id").mapInPandas(crawl(0.3), "id long, text string").count())


class ShuffleReadNext(Scene):
    """The workers go while another stage runs; what they shuffled before is read by the one that follows."""

    def query(self, spark: Any) -> int:
        first = spark.range(0, self.rows, 1, 12).repartition(16, "id")
        second = spark.range(0, self.rows, 1, 24).mapInPandas(crawl(0.5), "id long").repartition(16, "id")
        return int(first.join(second, "id").count())

    def is_time(self, stages: list[Any]) -> bool:
        done = any(stage["numTasks"] == 12 and stage["status"] == "COMPLETE" for stage in stages)
        return done and any(stage["numTasks"] == 24 and stage["numCompleteTasks"] >= 4 for stage in stages)


SCENES: dict[str, Scene] = {
    "tasks alone": Plain(),
    "cached data": Cached(),
    "shuffle being read": ShuffleBeingRead(),
    "shuffle read slowly": ShuffleReadLate(),
    "shuffle read later": ShuffleReadNext(),
}


class Answer(threading.Thread):
    """A query in the background."""

    def __init__(self, query: Query) -> None:
        super().__init__(daemon=True)
        self.query = query
        self.value: int | None = None
        self.start()

    def run(self) -> None:
        try:
            self.value = self.query()
        except Exception as error:
            # Whatever the client raises: a job that fails counts as a wrong answer.
            say(f"    the job failed: {str(error)[:200]}")


def play(cluster: Cluster, spark: Any, way: Way, scene: Scene, figures: Figures) -> None:
    """One round."""
    for ordinal in range(LESS, FULL):
        if ("worker", ordinal) not in cluster.instances:
            cluster.launch("worker", ordinal)
    cluster.wait_for_workers(FULL)
    until(lambda: len(executors(cluster)) == FULL, "all executors are there")
    scene.prepare(spark)
    before = {stage["stageId"] for stage in cluster.driver("stages")}

    def stages() -> list[Any]:
        return [stage for stage in cluster.driver("stages") if stage["stageId"] not in before]

    answer = Answer(lambda: scene.query(spark))
    until(lambda: scene.is_time(stages()) or not answer.is_alive(), "it is time to go")
    begin = time.monotonic()
    going = [cluster.drain(ordinal) for ordinal in range(LESS, FULL)]
    way.after_the_signal(cluster, going)
    for each in going:
        each.process.wait(120)
    took = time.monotonic() - begin
    answer.join(180)
    figures.rounds += 1
    figures.wrong += answer.value != scene.rows
    figures.seconds = max(figures.seconds, took)
    figures.lost += scene.clear(cluster, spark)
    count(cluster, stages(), figures)


def executors(cluster: Cluster) -> list[Any]:
    return [one for one in cluster.driver("executors") if one["id"] != "driver" and one["isActive"]]


def count(cluster: Cluster, stages: list[Any], figures: Figures) -> None:
    """Add up what the stages of one round say."""
    done: dict[int, int] = {}
    for stage in stages:
        number, attempt = stage["stageId"], stage["attemptId"]
        done[number] = done.get(number, 0) + stage["numCompleteTasks"]
        figures.failed += stage["numFailedTasks"]
        if stage["numFailedTasks"]:
            tasks = cluster.driver(f"stages/{number}/{attempt}/taskList?length=1000&status=failed")
            figures.fetch_failed += sum(task["errorMessage"].startswith("FetchFailed") for task in tasks)
    firsts = {stage["stageId"]: stage["numTasks"] for stage in stages if stage["attemptId"] == 0}
    figures.again += sum(max(0, done[number] - firsts[number]) for number in firsts)


@contextmanager
def running(folder: Path, cache: Path, way: Way) -> Iterator[Cluster]:
    size = {"workers": FULL, "memory": "512 MiB", "driver_memory": "512 MiB"}
    with Cluster(folder, cache, **size) as cluster, way.around(cluster):
        cluster.start()
        yield cluster


def measure(folder: Path, caches: dict[bool, Path], name: str, scenes: list[str]) -> Iterator[Figures]:
    """The figures of one way, scene by scene."""
    way = WAYS[name]
    connector = client()
    with running(folder / name, caches[way.plugin], way) as cluster:
        session = connector.connect(cluster.connection())
        spark = session["spark"]
        spark.conf.set("spark.sql.adaptive.enabled", "false")
        spark.conf.set("spark.sql.autoBroadcastJoinThreshold", "-1")
        for label in scenes:
            figures = Figures(name, label)
            for _ in range(ROUNDS):
                play(cluster, spark, way, SCENES[label], figures)
            say(f"  {figures}")
            yield figures
        connector.disconnect(session)


def caches(folder: Path) -> dict[bool, Path]:
    """One with the plugin and one without; both use the class archive of set-up when it is there."""
    found = runtime.find()
    shared = Path(os.environ["ZOE_HOME"]) / "data" / "cache" / "spark"
    made = {plugin: folder / f"cache-{plugin}" for plugin in (True, False)}
    for plugin, cache in made.items():
        cache.mkdir()
        for file in (found.archive(str(shared)), found.launcher_file(str(shared))):
            if file.is_file():
                (cache / file.name).symlink_to(file)
        if plugin:
            plugins.compile_plugins(found, cache)
    return made


def show(results: list[Figures]) -> int:
    """Print table and JSON; the exit status: 0 when Zoe's way cost nothing."""
    heads = ("rounds", "wrong", "failed", "FetchFailed", "again", "lost", "slowest")
    print(f"\n{'':<12}{'':<22}" + "".join(f"{head:>12}" for head in heads))
    for one in results:
        figures = (one.rounds, one.wrong, one.failed, one.fetch_failed, one.again, one.lost)
        print(
            f"{one.way:<12}{one.scene:<22}" + "".join(f"{figure:>12}" for figure in figures) + f"{one.seconds:>10.1f} s"
        )
    print()
    print(json.dumps([asdict(one) for one in results]))
    costs = [one for one in results if one.way == "zoe" and one.wrong + one.failed + one.again + one.lost]
    return 1 if costs else 0


def main() -> int:
    """Measure the ways asked for; the exit status."""
    end_on_signals()
    asked = os.environ.get("ZOE_BENCH_WAYS", "spark,zoe")
    names = list(WAYS) if asked == "all" else asked.split(",")
    scenes = os.environ.get("ZOE_BENCH_SCENES", ",".join(SCENES)).split(",")
    results: list[Figures] = []
    with tempfile.TemporaryDirectory(prefix="zoe-bench-") as name:
        made = caches(Path(name))
        for each in names:
            say(f"{each}: {WAYS[each].what}")
            results.extend(measure(Path(name), made, each, scenes))
    return show(results)


if __name__ == "__main__":
    sys.exit(main())
