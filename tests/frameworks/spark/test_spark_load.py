"""How much a Spark cluster has to do, as its own description says it."""

from __future__ import annotations

import json
import threading
from typing import Any

import jmespath
import pytest

from zoe_hub.controller.load import Told, read
from zoe_hub.model.references import bind

from .spark_cluster import Cluster, until

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.timeout(300)]

SLEEPS = "select java_method('java.lang.Thread', 'sleep', 4000 + id * 0) from range(0, 6, 1, 6)"


def look(cluster: Cluster) -> Told:
    """What the pages give, asked in their order."""
    status = cluster.plan.framework("spark").status
    assert status is not None
    assert status.load is not None
    kept: dict[str, Any] = {}
    for page in status.load.pages:
        words = {name: value for name, value in kept.items() if isinstance(value, str)}
        code, body = cluster.get(status.load.process, bind(page.path, words))
        assert code == 200, body
        kept[page.name] = jmespath.search(page.value, json.loads(body))
    told = read(status.load, kept, size=2)
    assert told is not None
    return told


def test_its_tasks_are_those_that_are_not_done_and_its_workers_known_by_ordinal(cluster: Cluster, spark: Any) -> None:
    until(lambda: (look(cluster).tasks, look(cluster).load.useful, look(cluster).load.occupied) == (0, 0, 0), "idle")
    job = threading.Thread(target=lambda: spark.sql(SLEEPS).collect())
    job.start()
    until(lambda: (look(cluster).tasks, look(cluster).load.occupied) == (6, 2), "six tasks on two workers")
    assert look(cluster).load.useful == 6
    until(lambda: look(cluster).tasks == 4, "two are done")
    job.join()
    until(lambda: look(cluster).tasks == 0 and look(cluster).load.occupied == 0, "idle after the job")
