"""How a kernel connects and lets go."""

from __future__ import annotations

import signal
from pathlib import Path
from types import ModuleType

import pytest
from distributed import default_client

from .dask_cluster import Cluster, wait_until

pytestmark = pytest.mark.dask


def test_a_second_cluster_takes_over_in_one_kernel(cluster: Cluster, tmp_path: Path, kernel: ModuleType) -> None:
    other = Cluster(tmp_path / "other", workers=1, memory="512 MiB")
    try:
        first = kernel.connect(cluster.connection)
        second = kernel.connect(other.connection)
        kernel.disconnect(first)

        assert default_client() is second["client"]
        assert second["client"].submit(sum, [1, 2]).result() == 3
        assert kernel.alive(second)
        assert not kernel.alive(first)
        kernel.disconnect(second)
    finally:
        other.close()


def test_letting_go_of_a_dead_cluster_is_quick_and_quiet(
    cluster: Cluster, kernel: ModuleType, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    names = kernel.connect(cluster.connection)
    for instance in cluster.instances:
        instance.send(signal.SIGKILL)
    wait_until(lambda: not kernel.alive(names), timeout=20)
    kernel.disconnect(names)
    kernel.disconnect(names)

    assert names["client"].status == "closed"
    assert [record for record in caplog.records if record.levelname in ("WARNING", "ERROR", "CRITICAL")] == []
    assert capfd.readouterr().err == ""


def test_the_dashboard_link_is_the_public_one(cluster: Cluster, kernel: ModuleType) -> None:
    names = kernel.connect(cluster.connection)
    assert names["client"].dashboard_link == "/services/zoe/executions/e1/ui/scheduler/ui/status"
    assert "127.0.0.1:" + str(cluster.scheduler.ports["ui"]) not in names["client"]._repr_html_()
    kernel.disconnect(names)
