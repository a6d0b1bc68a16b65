"""What every request leaves behind: its identifier in the answer, and one line in the log that says whose it was."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import httpx
import pytest

from zoe_hub.logs import make_handler
from zoe_hub.web.handlers import REQUEST_ID

from .conftest import Site, Starter

Records = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture) -> Iterator[Records]:
    """What is logged from here on, as programs read it."""
    caplog.set_level("INFO")
    stream = StringIO()
    handler = make_handler("json", stream)
    logging.getLogger("zoe_hub").addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.getLogger("zoe_hub").removeHandler(handler)


@pytest.mark.parametrize("path", ["/me", "/nothing", "/executions/x", "/executions?limit=x", "/../health"])
async def test_every_answer_has_an_identifier_of_ours(alice: httpx.AsyncClient, path: str) -> None:
    chosen = {REQUEST_ID: "chosen-by-the-client"}
    seen = {(await alice.get(path, headers=chosen)).headers[REQUEST_ID] for _ in range(3)}
    assert len(seen) == 3
    assert "chosen-by-the-client" not in seen


async def test_one_line_a_request_names_caller_execution_and_request(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, start: Starter, records: Records
) -> None:
    execution = await start(name="mine")
    shown = await alice.get("/executions/mine", headers={"X-Forwarded-For": "203.0.113.5"})
    foreign = await bob.delete(f"/executions/{execution}")
    lines = {line["request"]: line for line in records() if line["logger"] == "zoe_hub.access"}
    line = lines[shown.headers[REQUEST_ID]]
    assert (line["operation"], line["status"], line["method"]) == ("get_execution", 200, "GET")
    assert (line["caller"], line["execution"], line["address"]) == ("alice", execution, "203.0.113.5")
    assert line["seconds"] > 0
    assert lines[foreign.headers[REQUEST_ID]]["caller"] == "bob"
    assert len([line for line in records() if line["request"] == shown.headers[REQUEST_ID]]) == 1


async def test_nothing_of_one_request_is_said_of_the_next(
    alice: httpx.AsyncClient, start: Starter, records: Records
) -> None:
    """On the same connection, which a browser keeps."""
    execution = await start()
    await alice.get(f"/executions/{execution}")
    await alice.get("/", headers={"Authorization": ""})
    line = records()[-1]
    assert line["operation"] == "get_index"
    assert not {"caller", "execution"} & line.keys()


async def test_pages_of_clusters_are_logged_without_what_is_asked_of_them(
    site: Site, start: Starter, records: Records
) -> None:
    execution = await start()
    page = f"{site.url}executions/{execution}/ui/toy.head/web"
    async with httpx.AsyncClient(trust_env=False, headers={"Authorization": "token alice-token"}) as client:
        await client.get(f"{page}/sql/private?query=private")
    (line,) = [line for line in records() if line.get("operation") == "page_relay"]
    assert line["path"].endswith("/ui/toy.head/web")
    assert "private" not in json.dumps(records())
