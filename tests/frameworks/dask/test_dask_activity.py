"""When a Dask cluster is idle, as its own description says it."""

from __future__ import annotations

import threading
import time
from types import ModuleType
from typing import Any

import httpx
import jmespath
import pytest

from .dask_cluster import Cluster, wait_until

pytestmark = pytest.mark.dask


def look(cluster: Cluster) -> tuple[Any, Any]:
    status = cluster.plan.framework("dask").status
    assert status is not None
    (activity,) = status.activity
    answer = httpx.get(cluster.ui + activity.path, headers=cluster.headers).json()
    assert activity.mark is not None
    return jmespath.search(activity.busy, answer), jmespath.search(activity.mark, answer)


def test_tasks_and_data_on_their_way_are_work(cluster: Cluster, kernel: ModuleType) -> None:
    names = kernel.connect(cluster.connection)
    client = names["client"]
    assert client.submit(sum, [1, 2]).result() == 3
    wait_until(lambda: look(cluster)[0] == 0)
    quiet = look(cluster)
    time.sleep(1)  # heartbeats of workers and client are no work
    assert look(cluster) == quiet

    future = client.submit(time.sleep, 3)
    wait_until(lambda: look(cluster)[0] > 0)
    future.result()
    wait_until(lambda: look(cluster)[0] == 0)
    assert look(cluster)[1] > quiet[1]

    held = client.scatter(b"x" * 1000)
    done = look(cluster)[1]
    client.gather(held)
    assert look(cluster)[1] > done

    everywhere = threading.Thread(target=client.run, args=(time.sleep, 3))
    everywhere.start()
    wait_until(lambda: look(cluster)[0] > 0)
    everywhere.join()
    wait_until(lambda: look(cluster)[0] == 0)
    kernel.disconnect(names)
