"""A real Dask cluster: a scheduler and two workers.

``cluster``: one for this test alone. ``shared``: one for all tests that change nothing of it. ``kernel``: the client
module.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from .dask_cluster import FRAMEWORKS, Cluster


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    running = Cluster(tmp_path, workers=2, memory="512 MiB")
    try:
        yield running
    finally:
        running.close()


@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    running = Cluster(tmp_path_factory.mktemp("dask"), workers=2, memory="512 MiB")
    try:
        yield running
    finally:
        running.close()


@pytest.fixture
def kernel() -> ModuleType:
    """The client module, loaded as a kernel loads it."""
    description = importlib.util.spec_from_file_location("zoe_dask_client", FRAMEWORKS / "dask" / "client.py")
    assert description is not None
    assert description.loader is not None
    module = importlib.util.module_from_spec(description)
    description.loader.exec_module(module)
    return module
