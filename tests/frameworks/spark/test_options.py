from __future__ import annotations

import shlex
import sys

import pytest

from zoe_hub.catalogue import shipped_folder


def test_a_folder_with_a_space_stays_one_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(shipped_folder() / "spark"), *sys.path])
    import runtime  # type: ignore[import-not-found, unused-ignore]

    monkeypatch.delitem(sys.modules, "runtime")
    options = ["-Xshare:auto", "-XX:SharedArchiveFile=/home/alice/my hub/spark.jsa", "-XX:-UsePerfData"]
    # Spark's `splitCommandString` follows the shell here.
    assert shlex.split(runtime.joined(options)) == options
