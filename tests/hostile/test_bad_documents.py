"""Thousands of documents that somebody wrote badly or with bad intent: a sentence each, and nothing changes.

``ZOE_MUTATIONS`` says how many (2000), ``ZOE_SEED`` which. `make fuzz` takes 10000.
"""

from __future__ import annotations

import json
import os
import random
import re
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.store.writing import moved
from tests.web.conftest import FRAMEWORK, OWN, ZAPP, Site
from zoe_hub.catalogue import Catalogue, shipped_folder
from zoe_hub.composition import compose
from zoe_hub.documents import read_document
from zoe_hub.model.errors import InvalidDocument, ZoeError
from zoe_hub.model.framework import Framework
from zoe_hub.model.references import bind, names
from zoe_hub.model.zapp import ZApp

from .mutations import STRINGS, as_json, as_yaml, hostile_value, mutated

COUNT = int(os.environ.get("ZOE_MUTATIONS", "2000"))
SEED = os.environ.get("ZOE_SEED", "1")
FILES, ZAPPS, REQUESTS = int(COUNT * 0.5), int(COUNT * 0.3), int(COUNT * 0.2)
LONGEST = 1.0
"""Seconds of processor time for one document."""
LARGEST = 200 * 1024
"""KiB that the process may grow by, over all documents of one test."""


@contextmanager
def soon(what: object) -> Iterator[None]:
    """Fail when the block takes too much processor time."""
    before = time.thread_time()
    yield
    took = time.thread_time() - before
    assert took < LONGEST, f"{took:.2f} s for {str(what)[:300]!r}"


@pytest.fixture(autouse=True)
def memory() -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < LARGEST, f"{grown} KiB more than before"


def originals() -> list[str]:
    shipped = sorted(shipped_folder().glob("*/framework.yaml")) + sorted(shipped_folder().glob("zapps/*.yaml"))
    return [FRAMEWORK, ZAPP, *(path.read_text() for path in shipped)]


def test_files_of_the_shop(tmp_path: Path) -> None:
    (tmp_path / "toy").mkdir()
    (tmp_path / "zapps").mkdir()
    (tmp_path / "toy" / "framework.yaml").write_text(FRAMEWORK)
    (tmp_path / "toy" / "client.py").write_text("")
    (tmp_path / "zapps" / "toys.yaml").write_text(ZAPP)
    (tmp_path / "zz").mkdir()
    (tmp_path / "zz" / "client.py").write_text("")
    catalogue = Catalogue([tmp_path])
    texts = originals()
    documents = [yaml.safe_load(text) for text in texts]
    reported = 0
    for number in range(FILES):
        dice = random.Random(f"{SEED} file {number}")
        chosen = dice.randrange(len(texts))
        if dice.random() < 0.5:
            content = as_yaml(texts[chosen], dice)
        else:
            changed = mutated(documents[chosen], dice)
            text = json.dumps(changed) if dice.random() < 0.3 else yaml.safe_dump(changed, allow_unicode=True)
            content = text.encode("utf-8", "surrogatepass")
        is_zapp = documents[chosen]["kind"] == "ZApp"
        path = tmp_path / ("zapps/zz.yaml" if is_zapp else "zz/framework.yaml")
        path.write_bytes(content)
        with soon(content):
            try:
                read_document(path, ZApp if is_zapp else Framework)
            except InvalidDocument as error:
                problems = [error]
            else:
                problems = []
        if number % 10 == 0 or not problems:
            with soon(content):
                catalogue.refresh()
            problems = list(catalogue.problems)
        for problem in problems:
            reported += 1
            assert problem.path == str(path)
            assert problem.line is None or 0 < problem.line <= content.count(b"\n") + 2
            assert 0 < len(problem.reason) < 2000
        assert "toy" in catalogue.frameworks, "a bad file hides nothing else"
        assert "toys" in catalogue.zapps
        for zapp in catalogue.zapps.values():
            try:
                compose(zapp, {}, catalogue.frameworks)
            except ZoeError:
                continue
        path.unlink()
    catalogue.refresh()
    assert catalogue.problems == []
    assert reported > FILES / 2


async def test_zapps_of_ones_own(alice: httpx.AsyncClient, site: Site) -> None:
    original = {
        **OWN,
        "title": "A title",
        "description": "Two\nlines",
        "icon": "x",
        "frameworks": [{"framework": "toy", "options": {"workers": "{{ w }}", "motto": "{{ m }}", "memory": "64 MiB"}}],
        "parameters": [
            {"name": "w", "type": "integer", "default": 1, "minimum": 0, "maximum": 9, "scales": True},
            {"name": "m", "type": "string", "default": "a", "pattern": "[a-z]+", "label": "M", "help": "?"},
        ],
    }
    refused, kept = 0, set()
    for number in range(ZAPPS):
        dice = random.Random(f"{SEED} zapp {number}")
        changed = mutated(original, dice)
        body = as_json(changed, dice)
        with soon(body):
            answer = await alice.put("/zapps/mine", content=body, headers={"Content-Type": "application/json"})
        if answer.status_code == 200:
            kept.add("mine")
            document = answer.json()
            assert not any(ord(char) < 32 for char in document["title"] + document["icon"]), document["title"]
        else:
            refused += 1
            check(answer, body)
        assert {zapp.name for zapp in await site.context.store.zapps("alice")} == kept
    assert refused > ZAPPS / 3
    assert (await alice.get("/executions")).json()["executions"] == []
    assert await site.context.store.last_seq() == 0


async def test_submissions_and_their_parameters(alice: httpx.AsyncClient, site: Site) -> None:
    original = {"zapp": "toys", "parameters": {"workers": 1, "memory": "64 MiB", "motto": "x"}, "name": "mine"}
    refused, accepted = 0, 0
    for number in range(REQUESTS):
        dice = random.Random(f"{SEED} submission {number}")
        if dice.random() < 0.5:
            changed = {"zapp": "toys", "parameters": {"motto": hostile_value(dice)}}
        else:
            changed = mutated(original, dice)
        body = as_json(changed, dice)
        with soon(body):
            answer = await alice.post("/executions", content=body, headers={"Content-Type": "application/json"})
        if answer.status_code != 202:
            refused += 1
            check(answer, body)
            continue
        accepted += 1
        document = answer.json()
        plan = (await site.context.store.get(document["id"])).plan
        references = {name: f"<{name}>" for text in plan.process("toy.head").command for name in names(text)}
        command = [bind(text, references) for text in plan.process("toy.head").command]
        assert command == ["run-head", f"--motto={plan.parameters['motto']}"], "a value is no template and no reference"
        await site.context.store.terminate(document["id"], by="alice")
        await moved(site.context.store, document["id"], *_end())
    assert refused > REQUESTS / 3
    assert accepted > REQUESTS / 20
    assert len(await site.context.store.list(owner="alice")) == accepted
    assert not os.path.exists("/tmp/owned")


async def test_what_is_accepted_is_shown_as_text(alice: httpx.AsyncClient, site: Site) -> None:
    """Titles that were accepted are inert on the home page."""
    shown = 0
    for text in STRINGS[::2]:
        body = {"definition": {**OWN, "title": text}}
        answer = await alice.post("/executions", json=body)
        if answer.status_code != 202:
            check(answer, text)
            continue
        shown += 1
        page = (await alice.get(site.url, headers={"Accept": "text/html"})).text
        # The page's own have the nonce that its policy asks for.
        page = re.sub(r'<script nonce="[^"]+" src="[^"]+"[^>]*></script>', "", page)
        for tag in ("<script", "<img", "onerror=alert(1)>"):
            assert tag not in page.replace("&lt;", "").replace("onerror=alert(1)&gt;", "")
        await moved(site.context.store, answer.json()["id"], *_end())
    assert shown > 10


def check(answer: httpx.Response, body: object) -> None:
    """A refusal with a sentence."""
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text, body)
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["detail"].endswith((".", "?")) or ":" in problem["detail"] or " " in problem["detail"], problem
    assert len(answer.content) < 8000, "an answer is no echo"


def _end() -> tuple[Any, Any]:
    from zoe_hub.model.execution import ExecutionState

    return ExecutionState.QUEUED, ExecutionState.TERMINATED
