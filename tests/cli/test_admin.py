"""``zoe admin`` against a service that listens."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.running import run_zoe
from tests.client.fakes import TOKEN
from tests.client.real import RealZoe
from zoe_hub.cli.watching import time_of
from zoe_hub.model.errors import InvalidRequest


@pytest.fixture
def zoe(tmp_path: Path) -> Iterator[RealZoe]:
    with RealZoe(tmp_path) as service:
        yield service


def test_health_and_the_audit_trail(zoe: RealZoe) -> None:
    url = zoe.url.rstrip("/")
    health = run_zoe("admin", "health", ZOE_URL=url)
    assert health.returncode == 0, health.stderr
    assert health.stdout.startswith("Zoe is ready; its engine is open.\n")
    assert json.loads(run_zoe("admin", "health", "--json", ZOE_URL=url).stdout)["checks"]["database"]["ok"] is True

    place = {"ZOE_URL": url, "ZOE_TOKEN": "admin-token"}
    assert run_zoe("start", "toys", "--name", "mine", **place).returncode == 0
    table = run_zoe("admin", "audit", "--since", "5m", "--user", "admin", **place)
    assert table.returncode == 0, table.stderr
    assert "submit_execution" in table.stdout
    assert "done (202)" in table.stdout
    (line,) = map(json.loads, run_zoe("admin", "audit", "--json", "--outcome", "done", **place).stdout.splitlines())
    assert (line["caller"], line["target"], line["address"]) == ("admin", "toys", "127.0.0.1")
    assert run_zoe("admin", "audit", "--until", "5m", **place).stdout == "There is no such line.\n"
    assert run_zoe("admin", "audit", "--user", "bob", "--json", **place).stdout == ""


def test_forgetting_a_user(zoe: RealZoe) -> None:
    place = {"ZOE_URL": zoe.url.rstrip("/"), "ZOE_TOKEN": "admin-token"}
    assert run_zoe("start", "toys", "--name", "mine", **place).returncode == 0
    forgotten = run_zoe("admin", "forget-user", "admin", "--yes", **place)
    assert forgotten.returncode == 0, forgotten.stderr
    assert forgotten.stdout == "admin: 1 executions are being ended; 1 in all will be deleted within some minutes.\n"
    assert "Give --yes" in run_zoe("admin", "forget-user", "admin", **place).stderr
    refused = run_zoe("admin", "forget-user", "admin", "--yes", ZOE_URL=place["ZOE_URL"], ZOE_TOKEN=TOKEN)
    assert refused.returncode == 5
    assert "custom:zoe:admin:executions" in refused.stderr


def test_who_may_not_is_told_so(zoe: RealZoe) -> None:
    refused = run_zoe("admin", "audit", ZOE_URL=zoe.url.rstrip("/"), ZOE_TOKEN=TOKEN)
    assert refused.returncode == 5
    assert "custom:zoe:admin:audit" in refused.stderr


def test_a_service_that_is_away(zoe: RealZoe) -> None:
    away = run_zoe("admin", "health", "--json", ZOE_URL="http://127.0.0.1:9/services/zoe")
    assert away.returncode == 3
    other = run_zoe("admin", "health", ZOE_URL=f"{zoe.url}nothing-here")
    assert other.returncode == 1
    assert "--url" in other.stderr


@pytest.mark.parametrize("text", ["yesterday", "", "2026-13-01", "5", "5w", "-2h"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(InvalidRequest, match="is no time; write 2026-03-01"):
        time_of(text)


def test_times() -> None:
    assert time_of("2026-03-01T09:00:00Z") == time_of("2026-03-01T10:00:00+01:00")
    assert time_of("2h") < time_of("30m") < time_of("1s")


def test_what_a_stranger_asked_for_does_not_command_a_terminal(zoe: RealZoe) -> None:
    url = zoe.url.rstrip("/")
    name = "%1b]0;mine%07%0a%c2%9b2J%e2%80%ae"
    assert httpx.delete(f"{url}/api/v1/executions/{name}").status_code == 401
    place = {"ZOE_URL": url, "ZOE_TOKEN": "admin-token"}

    def lines(*options: str) -> str:
        # Refused requests are stored a moment later.
        deadline = time.monotonic() + 20
        while "]0;mine" not in (found := run_zoe("admin", "audit", *options, **place).stdout):
            assert time.monotonic() < deadline, found
        return found

    table = lines()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", table)
    assert r"\x1b]0;mine\x07\n\x9b2J\u202e" in table
    document = lines("--json")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", document)
    assert json.loads(document)["target"] == "\x1b]0;mine\x07\n\x9b2J\u202e"
