"""Log records: what they say, in either form, and what they say it about."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Iterator
from io import StringIO

import pytest

from zoe_hub import logs

Written = Callable[[], list[str]]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Written]]:
    """Begins to log in a form; gives what returns the lines so far."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def begin(form: str) -> Written:
        stream = StringIO()
        monkeypatch.setattr("sys.stderr", stream)
        # Not those of the test runner, which `configure` would close.
        root.handlers = []
        logs.configure(form)
        return lambda: stream.getvalue().splitlines()

    yield begin
    root.handlers = handlers
    root.setLevel(level)


log = logging.getLogger("zoe_hub.somewhere")


def test_json_is_one_object_a_record(written: Callable[[str], Written]) -> None:
    lines = written("json")
    with logs.about(execution="x1", request="r1"):
        try:
            raise ValueError("two\nlines")
        except ValueError:
            log.exception("it %s", "failed\n{")
    log.info("after", extra={"status": 200})
    first, second = map(json.loads, lines())
    assert (first["message"], first["level"], first["logger"]) == ("it failed\n{", "ERROR", "zoe_hub.somewhere")
    assert (first["execution"], first["request"]) == ("x1", "r1")
    assert "ValueError: two\nlines" in first["exception"]
    assert second["status"] == 200
    assert second["time"] > "2020-01-01T00:00:00"
    assert second["time"].endswith("+00:00")
    assert not {"execution", "exception", "stack"} & second.keys()


def test_json_survives_what_is_no_text(written: Callable[[str], Written]) -> None:
    lines = written("json")
    log.info("odd \ud800 %s", "\u2028\x00")
    log.info({"a": object()})
    log.info("%s", "x", extra={"path": b"\xff", "when": {1, 2}})
    assert len([json.loads(line) for line in lines()]) == 3


def test_text_names_what_it_is_about(written: Callable[[str], Written]) -> None:
    lines = written("text")
    with logs.about(execution="x1"):
        log.warning("slow")
    log.info("quick")
    slow, quick = lines()
    assert slow.startswith("W ")
    assert slow.endswith("zoe_hub.somewhere: slow [execution=x1]")
    assert quick.endswith("quick")


def test_a_name_with_the_end_of_a_line_forges_no_line(written: Callable[[str], Written]) -> None:
    lines = written("text")
    log.info("server %s is gone", "x\nE 2026-01-01 zoe_hub: all is lost\r\x1b[2J")
    (line,) = lines()
    assert r"x\nE 2026" in line
    assert "\x1b" not in line


def test_a_traceback_is_written(written: Callable[[str], Written]) -> None:
    lines = written("text")
    try:
        raise ValueError("inside")
    except ValueError:
        log.exception("outside")
    assert "ValueError: inside" in lines()


async def test_tasks_are_about_what_they_were_begun_for() -> None:
    seen: dict[str, dict[str, str]] = {}

    async def note(name: str) -> None:
        await asyncio.sleep(0)
        seen[name] = dict(logs.known())

    with logs.about(execution="x1"):
        inside = asyncio.create_task(note("inside"))
        beside = logs.aside(note("beside"))
        with logs.about(execution="x2", request="r"):
            await note("deeper")
        await note("back")
    await asyncio.gather(inside, beside)
    await note("after")
    assert seen == {
        "inside": {"execution": "x1"},
        "beside": {},
        "deeper": {"execution": "x2", "request": "r"},
        "back": {"execution": "x1"},
        "after": {},
    }


def test_other_threads_are_told() -> None:
    seen: list[object] = []
    with logs.about(execution="x1"):
        work = logs.kept(lambda: seen.append(dict(logs.known())))
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [{"execution": "x1"}]


def test_libraries_that_log_every_request_are_quiet(written: Callable[[str], Written]) -> None:
    lines = written("text")
    logging.getLogger("httpx").info("GET http://127.0.0.1/?token=sesame")
    assert lines() == []
