"""How many workers a Dask cluster wants, as its own description says it."""

from __future__ import annotations

import time
from types import ModuleType

import httpx
import pytest

from zoe_hub.controller.load import Told, read

from .dask_cluster import Cluster, wait_until

pytestmark = pytest.mark.dask


def look(cluster: Cluster) -> Told:
    status = cluster.plan.framework("dask").status
    assert status is not None
    assert status.load is not None
    answers = {
        page.name: httpx.get(cluster.ui + page.path, headers=cluster.headers).json() for page in status.load.pages
    }
    told = read(status.load, answers, size=2)
    assert told is not None
    return told


def test_it_wants_what_its_scheduler_says_and_knows_who_has_a_task(cluster: Cluster, kernel: ModuleType) -> None:
    names = kernel.connect(cluster.connection)
    client = names["client"]
    wait_until(lambda: look(cluster).tasks == 0)
    assert look(cluster).load.useful == 0
    assert look(cluster).load.occupied == 0
    # Enough for ten workers, by the time that one such takes.
    client.submit(time.sleep, 1, pure=False).result()
    futures = [client.submit(time.sleep, 1 + number / 1e6) for number in range(50)]
    wait_until(lambda: look(cluster).load.useful >= 8)
    assert look(cluster).load.occupied >= 1
    assert (look(cluster).tasks or 0) > 40
    client.cancel(futures)
    wait_until(lambda: look(cluster).load.useful == 0)
    kernel.disconnect(names)
