from __future__ import annotations

import json

import jsonschema
import pytest
import yaml

from tests.cli.running import ROOT, run_zoe

FRAMEWORK = """\
apiVersion: zoe/v1
kind: Framework
name: toy
title: Toy
processes:
  - name: main
    command: ["true"]
"""


def test_what_is_shipped_is_in_order():
    finished = run_zoe("validate", str(ROOT / "frameworks"))
    assert (finished.returncode, finished.stdout) == (0, "No problems.\n")


def test_problems_are_named_by_path_and_line(tmp_path):
    (tmp_path / "toy").mkdir()
    file = tmp_path / "toy" / "framework.yaml"
    file.write_text(FRAMEWORK + "    comand: []\n")
    for path in (tmp_path, tmp_path / "toy", file):
        finished = run_zoe("validate", str(path))
        assert finished.returncode == 1
        assert finished.stdout == f"{file}:8: processes.0.comand: there is no such key\n"
    (problem,) = json.loads(run_zoe("validate", str(file), "--json").stdout)
    assert (problem["path"], problem["line"]) == (str(file), 8)


def test_a_zapp_is_checked_together_with_its_frameworks(tmp_path):
    (tmp_path / "zapps").mkdir()
    file = tmp_path / "zapps" / "mine.yaml"
    file.write_text("apiVersion: zoe/v1\nkind: ZApp\nname: mine\ntitle: Mine\nframeworks:\n  - framework: sprk\n")
    finished = run_zoe("validate", str(file))
    assert finished.returncode == 1
    assert "'sprk'" in finished.stdout


def test_a_path_that_is_none(tmp_path):
    assert "there is no such file or folder" in run_zoe("validate", str(tmp_path / "none")).stdout


@pytest.mark.parametrize(("kind", "files"), [("framework", "*/framework.yaml"), ("zapp", "zapps/*.yaml")])
def test_the_schema_takes_what_is_shipped(kind, files):
    schema = json.loads(run_zoe("schema", kind).stdout)
    found = list((ROOT / "frameworks").glob(files))
    assert found
    for path in found:
        jsonschema.validate(yaml.safe_load(path.read_text()), schema)


def test_a_schema_that_is_none():
    finished = run_zoe("schema", "zap")
    assert finished.returncode == 4
    assert "Did you mean 'zapp'?" in finished.stderr


def test_a_folder_that_is_none_is_told_before_anything_is_prepared(tmp_path):
    done = run_zoe("prepare", "--folder", str(tmp_path / "none"), ZOE_HOME=str(tmp_path / "home"))
    assert (done.returncode, done.stderr) == (1, f"zoe: There is no folder {tmp_path}/none.\n")
    assert not (tmp_path / "home").exists()


def test_frameworks_are_prepared_and_a_failure_is_only_a_warning(tmp_path):
    for name, code in (
        ("good", "import sys; open(sys.argv[1] + '/made', 'w')"),
        ("bad", "import sys; sys.exit('no luck')"),
        # The shipped frameworks' own preparations take long: these stand in for them.
        ("spark", "pass"),
    ):
        (tmp_path / name).mkdir()
        text = FRAMEWORK.replace("toy", name)
        text += f'preparation:\n  command: ["${{python}}", "-c", "{code}", "${{cache}}"]\n'
        (tmp_path / name / "framework.yaml").write_text(text)
    finished = run_zoe("prepare", "--folder", str(tmp_path), ZOE_HOME=str(tmp_path / "home"))
    assert finished.returncode == 0
    assert "good is prepared" in finished.stdout
    assert (tmp_path / "home" / "data" / "cache" / "good" / "made").exists()
    assert finished.stderr == "zoe: warning: bad is not prepared and starts more slowly: no luck\n"
