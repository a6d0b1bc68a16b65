from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from zoe_hub.catalogue import Catalogue, shipped_folder
from zoe_hub.documents import parse_document
from zoe_hub.model.errors import InvalidDocument, UnknownName
from zoe_hub.model.zapp import ZApp

from .composition.examples import APP, CLUSTER


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_framework(tmp_path, CLUSTER)
    write_zapp(tmp_path, APP)
    return tmp_path


def write_framework(root: Path, document: dict[str, object]) -> Path:
    path = root / str(document["name"]) / "framework.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    (path.parent / "client.py").write_text("")
    return path


def write_zapp(root: Path, document: dict[str, object]) -> Path:
    path = root / "zapps" / f"{document['name']}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path


def test_everything_shipped_is_whole() -> None:
    catalogue = Catalogue([shipped_folder()])
    assert catalogue.problems == []
    assert {"jupyter", "spark", "dask"} <= set(catalogue.frameworks)
    assert {"jupyterlab", "jupyterlab-spark", "spark", "dask"} <= set(catalogue.zapps)


def test_a_change_is_seen_without_a_restart(folder: Path) -> None:
    catalogue = Catalogue([folder])
    write_zapp(folder, {**APP, "name": "second"})
    catalogue.refresh()
    assert set(catalogue.zapps) == {"app", "second"}
    (folder / "zapps" / "app.yaml").unlink()
    catalogue.refresh()
    assert set(catalogue.zapps) == {"second"}


def test_a_broken_file_is_reported_with_its_place_and_hides_nothing_else(folder: Path) -> None:
    path = folder / "zapps" / "broken.yaml"
    path.write_text("apiVersion: zoe/v1\nkind: ZApp\nname: broken\ntitle: T\nframeworks:\n  - framwork: cluster\n")
    catalogue = Catalogue([folder])
    assert set(catalogue.zapps) == {"app"}
    (problem,) = catalogue.problems
    assert str(problem).startswith(f"{path}:")
    assert problem.line == 6
    assert "framework" in problem.reason


def test_a_broken_framework_takes_only_its_zapps_with_it(folder: Path) -> None:
    write_framework(folder, {**CLUSTER, "name": "other"})
    write_zapp(folder, {**APP, "name": "lost"})
    (folder / "zapps" / "lost.yaml").write_text(
        (folder / "zapps" / "lost.yaml").read_text().replace("cluster", "other")
    )
    (folder / "other" / "framework.yaml").write_text("kind: [")
    catalogue = Catalogue([folder])
    assert set(catalogue.zapps) == {"app"}
    reasons = [str(problem) for problem in catalogue.problems]
    assert any("no valid YAML" in reason for reason in reasons)
    assert any("There is no framework named 'other'" in reason for reason in reasons)


def test_a_later_folder_replaces_what_is_shipped(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    mine = tmp_path_factory.mktemp("mine")
    write_zapp(mine, {**APP, "title": "Ours"})
    assert Catalogue([folder, mine]).zapps["app"].title == "Ours"


def test_two_of_a_name_in_one_folder_are_a_mistake(folder: Path) -> None:
    write_zapp(folder, APP).rename(folder / "zapps" / "copy.yaml")
    write_zapp(folder, APP)
    catalogue = Catalogue([folder])
    assert "the name 'app' is taken by" in str(catalogue.problems[0])


def test_a_client_module_that_is_missing_is_a_problem(folder: Path) -> None:
    (folder / "cluster" / "client.py").unlink()
    assert any("there is no file client.py" in str(problem) for problem in Catalogue([folder]).problems)


def test_an_unknown_frameworks_folder() -> None:
    with pytest.raises(UnknownName):
        Catalogue([]).folder("spark")


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a: 1\na: 2\n", 2, "the key 'a' stands twice"),
        (
            "a: &a [1, 1, 1, 1]\n"
            + "".join(f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
            1,
            "more than 5000 values",
        ),
        ("a: &a [*a]\n", 1, "nested deeper than"),
        ("1: x\n", 1, "the key 1 is no text"),
        ("- a\n", 1, "a ZApp is a mapping"),
        ("", 1, "a ZApp is a mapping"),
        ("a: " + "[" * 30 + "]" * 30, 1, "nested deeper than"),
        ("a: !ours [x]\n", 1, "the tag '!ours' is not taken"),
        ("a: !!python/name:os.system x\n", 1, "python/name:os.system' is not taken"),
        ("kind: ZApp\napiVersion: zoe/v2\nname: n\ntitle: t\nframeworks: [{framework: f}]\n", 2, "apiVersion"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        parse_document(text, ZApp, "f.yaml")
    assert reason in str(caught.value)
    assert caught.value.line == line


def test_a_framework_that_breaks_keeps_its_folder_for_what_runs(folder: Path) -> None:
    catalogue = Catalogue([folder])
    (folder / "cluster" / "framework.yaml").write_text("apiVersion: zoe/v1\nkind: Framewo")
    catalogue.refresh()
    assert "cluster" not in catalogue.frameworks
    assert catalogue.folder("cluster") == Catalogue([folder]).folder("cluster") == folder / "cluster"
