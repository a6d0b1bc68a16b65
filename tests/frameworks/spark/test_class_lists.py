from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from zoe_hub.catalogue import shipped_folder


def test_lists_of_java_21_name_a_class_once_and_without_their_own_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(shipped_folder() / "spark"), *sys.path])
    prepare = importlib.import_module("prepare")
    master, worker, old = (tmp_path / name for name in ("master", "worker", "old"))
    master.write_text("# NOTE\njava/lang/Object id: 0\njava/util/List id: 665\n@lambda-proxy a/B run\n")
    worker.write_text("java/lang/Object id: 0\na/B id: 665\nc/D id: 7 super: 0 interfaces: 4 source: /x.jar\n")
    old.write_text("java/lang/Object\n")
    assert prepare.merge([master, worker, old]) == [
        "java/lang/Object",
        "java/util/List",
        "@lambda-proxy a/B run",
        "a/B",
    ]
