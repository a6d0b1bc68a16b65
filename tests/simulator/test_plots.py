from __future__ import annotations

import importlib.util
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from zoe_hub.model.errors import InvalidRequest
from zoe_hub.simulator import plots
from zoe_hub.simulator.engine import Conditions
from zoe_hub.simulator.fixture import fixture
from zoe_hub.simulator.runs import Run, runs


@pytest.fixture(scope="module")
def found() -> list[Run]:
    return list(runs(fixture(), ["rigid", "flexible"], ["fifo"], Conditions()))


@pytest.mark.parametrize("kind", plots.FORMATS)
def test_the_same_runs_give_the_same_bytes(found: list[Run], kind: str, tmp_path: Path) -> None:
    first, second = (plots.plot_runs(found, tmp_path / each, kind) for each in ("a", "b"))
    assert [path.name for path in first] == [f"{name}.{kind}" for name in (*plots.FIGURES, "allocation")]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    if kind == "svg":
        assert all(ET.fromstring(path.read_text()).tag.endswith("svg") for path in first)


def test_a_folder_that_cannot_be_gets_a_sentence(found: list[Run], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidRequest, match="cannot be written"):
        plots.plot_runs(found, tmp_path / "file")


def test_without_matplotlib_one_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InvalidRequest, match=r"pip install 'zoe-jupyter\[simulate\]'"):
        plots.check(tmp_path)
