"""When a Spark cluster is idle, as its own description says it."""

from __future__ import annotations

import json
import threading
from typing import Any

import jmespath
import pytest

from .spark_cluster import Cluster, until

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.timeout(300)]


def look(cluster: Cluster) -> tuple[list[Any], list[Any]]:
    """What the activities' expressions give: whether it is busy, and the marks."""
    status = cluster.plan.framework("spark").status
    assert status is not None
    busy, marks = [], []
    for activity in status.activity:
        code, body = cluster.get(activity.process, activity.path)
        assert code == 200
        answer = parsed(body.decode())
        busy.append(jmespath.search(activity.busy, answer))
        marks.append(jmespath.search(activity.mark, answer) if activity.mark else None)
    return busy, marks


def parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return " ".join(text.split())


def idle(cluster: Cluster) -> bool:
    return all(busy in (False, 0) for busy in look(cluster)[0])


def test_it_is_idle_but_for_requests_that_run(cluster: Cluster, spark: Any) -> None:
    assert idle(cluster)
    assert spark.range(10).count() == 10
    until(lambda: idle(cluster), "idle after a job")
    before = look(cluster)
    sleeping = "select java_method('java.lang.Thread', 'sleep', 5000 + id * 0) from range(1)"
    job = threading.Thread(target=lambda: spark.sql(sleeping).collect())
    job.start()
    until(lambda: look(cluster)[0] == [True, 1], "busy by the count of requests and of jobs")
    job.join()
    until(lambda: idle(cluster), "idle after the job")
    after = look(cluster)
    assert before[1] != after[1]
    assert None not in after[1][1:]
    assert look(cluster) == after


def test_a_result_that_is_still_fetched_is_work(cluster: Cluster, spark: Any) -> None:
    # Too much for the network's buffers, also when it is compressed.
    digests = "transform(sequence(1, 80), x -> sha2(concat(id, '-', x), 512))"
    wide = spark.sql(f"select concat_ws('', {digests}) as text from range(0, 4000, 1, 4)")
    rows = wide.toLocalIterator()
    next(rows)
    until(lambda: look(cluster)[0][1] == 0, "all jobs are done")
    assert look(cluster)[0] == [True, 0]
    assert sum(1 for _ in rows) == 3999
    until(lambda: idle(cluster), "idle when all is fetched")
