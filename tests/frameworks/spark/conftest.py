"""Fixtures.

`prepared`: a cache folder. `cluster`: two workers, shared by a module's tests. `spark`: a session on it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .spark_cluster import FOLDER, ROOT, Cluster, client


def framework_module(name: str) -> ModuleType:
    sys.path.insert(0, str(FOLDER))
    try:
        return __import__(name)
    finally:
        sys.path.remove(str(FOLDER))


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The launcher's answer and Zoe's plugins; the class archive where set-up made one."""
    runtime = framework_module("runtime")
    try:
        found = runtime.find()
    except runtime.Missing as error:
        pytest.skip(str(error))
    made = str(Path(os.environ.get("ZOE_HOME") or ROOT / ".zoe") / "data" / "cache" / "spark")
    cache = tmp_path_factory.mktemp("cache")
    if found.archive(made).is_file() and found.launcher_file(made).is_file():
        for file in (found.archive(made), found.launcher_file(made)):
            (cache / file.name).symlink_to(file)
        framework_module("plugins").compile_plugins(found, cache)
        return Path(cache)
    framework_module("plugins").compile_plugins(found, cache)
    found.launcher_file(str(cache)).write_text(json.dumps(found.ask_launcher()))
    return Path(cache)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Iterator[Cluster]:
    with Cluster(
        tmp_path_factory.mktemp("spark"), prepared, workers=2, memory="512 MiB", driver_memory="512 MiB"
    ) as one:
        # Tasks fetch bit by bit, as they do with partitions of many megabytes.
        one.properties["connect"] = {"spark.reducer.maxSizeInFlight": "256k"}
        one.start()
        yield one


@pytest.fixture(scope="module")
def connector() -> ModuleType:
    return client()


@pytest.fixture
def spark(cluster: Cluster, connector: ModuleType) -> Iterator[Any]:
    names = connector.connect(cluster.connection())
    yield names["spark"]
    connector.disconnect(names)
