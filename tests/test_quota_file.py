"""The administrator's file of quotas: strict at the start, patient later."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zoe_hub.model.errors import InvalidDocument
from zoe_hub.model.quotas import Limits, Quotas
from zoe_hub.quota_file import QuotaFile

GOOD = "apiVersion: zoe/v1\nkind: Quotas\neverybody: {cpu: 4, memory: 8 GiB}\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "quotas.yaml").write_text(GOOD)
    return tmp_path / "quotas.yaml"


def changed(path: Path, text: str) -> None:
    path.write_text(text)
    # Two changes may fall into one tick of a file system's clock.
    stamp = path.stat()
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1_000_000))


def test_a_change_is_seen_without_a_restart(path: Path) -> None:
    file = QuotaFile(path)
    assert file.quotas().everybody == Limits(cpu=4, memory=8 * 2**30)
    changed(path, GOOD.replace("cpu: 4", "cpu: 5"))
    assert file.quotas().everybody.cpu == 5
    assert file.problem is None


def test_one_that_breaks_is_reported_and_what_it_said_before_holds(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = QuotaFile(path)
    changed(path, GOOD + "users:\n  alice: {cpus: 4}\n")
    assert file.quotas().everybody.cpu == 4
    assert f"{path}:5: users.alice.cpus: there is no such key" in str(file.problem)
    for _ in range(3):
        file.quotas()
    assert len([record for record in caplog.records if "cannot be used" in record.message]) == 1
    changed(path, GOOD.replace("cpu: 4", "cpu: 6"))
    assert (file.problem, file.quotas().everybody.cpu) == (None, 6)
    path.unlink()
    assert file.quotas().everybody.cpu == 6
    assert "No such file" in str(file.problem)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (GOOD.replace("8 GiB", "8 parsecs"), ":3: everybody.memory: .*write a number and a unit"),
        (GOOD.replace("cpu: 4", "cpu: many"), ":3: everybody.cpu: write a number that is not negative, or unlimited"),
        (
            GOOD + "users:\n  alice:\n",
            ":5: users.alice: keys with values belong here; what says nothing may be left out",
        ),
        (GOOD.replace("Quotas", "Quota"), ":2: kind"),
        ("groups: [", "no valid YAML"),
    ],
)
def test_one_that_is_broken_from_the_beginning_is_refused(path: Path, text: str, reason: str) -> None:
    path.write_text(text)
    with pytest.raises(InvalidDocument, match=reason):
        QuotaFile(path)


def test_one_that_is_not_there_is_refused_and_none_is_no_limit(tmp_path: Path) -> None:
    with pytest.raises(InvalidDocument, match="cannot be read"):
        QuotaFile(tmp_path / "nowhere.yaml")
    assert QuotaFile(None).quotas() == Quotas.none()
