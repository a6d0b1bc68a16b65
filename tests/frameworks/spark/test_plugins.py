"""Zoe's plugins for Spark: made once, for one Spark, and missed by nobody."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from .conftest import framework_module

pytestmark = pytest.mark.spark


@pytest.fixture
def found(prepared: Path) -> Any:
    # `prepared` skips where there is no Java or no Spark.
    return framework_module("runtime").find()


def test_it_is_made_once(prepared: Path, found: Any) -> None:
    made = found.plugins(str(prepared))
    before = made.stat()
    assert framework_module("plugins").compile_plugins(found, prepared) == made
    assert made.stat() == before


def test_a_source_that_does_not_fit_this_spark_is_reported_and_leaves_nothing(
    found: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "Handover.scala"
    source.write_text("class Handover extends org.apache.spark.api.plugin.Gone")
    cache = tmp_path / "cache"
    cache.mkdir()
    monkeypatch.setattr(framework_module("runtime"), "PLUGINS", {"Handover": source})
    prepare = framework_module("prepare")
    assert prepare.prepare_plugins(found, cache) == 1
    said = capsys.readouterr().err
    assert "type Gone is not a member" in said
    assert "scaling down lets tasks fail that read shuffled data" in said
    assert list(cache.iterdir()) == []


def test_only_plugins_of_another_spark_are_deleted(found: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugins = framework_module("plugins")

    def quick_compiler(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        Path(command[command.index("-d") + 1]).touch()
        return subprocess.CompletedProcess(command, 0, stdout="")

    monkeypatch.setattr(plugins.subprocess, "run", quick_compiler)
    for name in (f"plugins-{found.fingerprint}-0.jar", "plugins-other-0.jar"):
        (tmp_path / name).touch()
    target = found.plugins(str(tmp_path))
    plugins.compile_plugins(found, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f"plugins-{found.fingerprint}-0.jar", target.name}


def test_where_it_is_missing_clusters_start_without_it(found: Any, prepared: Path, tmp_path: Path) -> None:
    options = ["-Xmx1g", "-cp", "/spark/jars/*", "-Dx=y"]
    assert found.plugins_options(str(tmp_path), options) == options
    assert found.plugins_environment(str(tmp_path)) == {}
    with_it = found.plugins_options(str(prepared), options)
    # Last on the class path: before it, an archive would serve no process any more.
    assert with_it == ["-Xmx1g", "-cp", f"/spark/jars/*:{found.plugins(str(prepared))}", "-Dx=y"]
    assert found.plugins_environment(str(prepared)) == {"SPARK_DIST_CLASSPATH": str(found.plugins(str(prepared)))}
