"""``zoe quota`` and ``zoe admin quota`` against a service that listens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import run_zoe
from tests.client.fakes import TOKEN
from tests.client.real import RealZoe
from zoe_hub.cli.quotas import subject
from zoe_hub.model.errors import InvalidRequest


@pytest.fixture
def zoe(tmp_path: Path) -> Iterator[RealZoe]:
    with RealZoe(tmp_path) as service:
        yield service


def test_setting_seeing_and_taking_back(zoe: RealZoe) -> None:
    place = {"ZOE_URL": zoe.url.rstrip("/"), "ZOE_TOKEN": "admin-token"}

    def said(*words: str) -> str:
        done = run_zoe(*words, **place)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert said("admin", "quota", "set", "--user", "admin", "cpu=16", "memory=64GiB", "executions=1") == (
        "user admin: cpu 16, memory 64 GiB, executions 1\n"
    )
    said("admin", "quota", "set", "--group", "students", "gpu=0", "cpu_hours=200", "window=7 days")
    assert said("admin", "quota", "set", "--group", "students", "--together", "cpu=unlimited") == (
        "group students, each: gpu 0, cpu_hours 200, window 7 days\ngroup students, together: cpu unlimited\n"
    )
    table = said("admin", "quota", "ls")
    assert "group students, together cpu unlimited" in " ".join(table.split())
    assert "stored" in table
    said("start", "toys", "--name", "mine", "--no-wait")
    refused = run_zoe("start", "toys", **place)
    assert refused.returncode == 1
    assert "Your quota of 1 execution is used by mine." in refused.stderr
    own = " ".join(said("quota").split())
    assert "you executions 1 1 mine (1)" in own
    assert json.loads(said("quota", "--json"))["user"] == "admin"
    assert "nothing is stored any more" in said("admin", "quota", "rm", "--user", "admin")
    assert run_zoe("admin", "quota", "rm", "--user", "admin", **place).returncode == 4
    lacking = run_zoe("admin", "quota", "ls", ZOE_URL=place["ZOE_URL"], ZOE_TOKEN=TOKEN)
    assert lacking.returncode == 5
    assert "custom:zoe:admin:quotas" in lacking.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--user", "alice", "cpus=1"], "'cpus=1' is no limit; write NAME=VALUE, such as cpu=16"),
        (["--user", "alice", "cpu=many"], "cpu: write a number that is not negative, or unlimited"),
        (["--user", "alice", "cpu=1", "cpu=2"], "cpu is said twice; leave one of them out."),
        (["cpu=1"], "Say for whom"),
        (["--user", "alice", "--everybody", "cpu=1"], "one of them only"),
        (["--user", "alice", "--together", "cpu=1"], "--together is about the members of a group"),
    ],
)
def test_what_is_no_limit_is_told_before_anybody_is_asked(words: list[str], sentence: str) -> None:
    refused = run_zoe("admin", "quota", "set", *words, ZOE_URL="http://127.0.0.1:9/services/zoe", ZOE_TOKEN="x")
    assert refused.returncode == 1
    assert sentence in refused.stderr


def test_subjects() -> None:
    assert subject("alice", None, False) == ("user", "alice")
    assert subject(None, "staff", False) == ("group", "staff")
    assert subject(None, None, True) == ("everybody", "")
    with pytest.raises(InvalidRequest):
        subject(None, None, False)


def test_a_file_of_quotas_is_validated_as_one(tmp_path: Path) -> None:
    path = tmp_path / "quotas.yaml"
    path.write_text("apiVersion: zoe/v1\nkind: Quotas\neverybody:\n  cpu: 4\n")
    assert run_zoe("validate", str(path)).stdout == "No problems.\n"
    path.write_text("apiVersion: zoe/v1\nkind: Quotas\neverybody:\n  cpus: 4\n")
    wrong = run_zoe("validate", str(path))
    assert (wrong.returncode, wrong.stdout) == (1, f"{path}:4: everybody.cpus: there is no such key\n")
    assert json.loads(run_zoe("schema", "quotas").stdout)["title"] == "Quotas"
