"""Fixtures: `python` (an environment with our shared data), `zoe` (a fake service), `notebook` (a kernel)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.client.fakes import TOKEN, FakeZoe
from tests.zoe_widgets.notebooks import Notebook, make_environment


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_environment(tmp_path_factory.mktemp("environment"))


@pytest.fixture
def zoe() -> Iterator[FakeZoe]:
    with FakeZoe() as service:
        yield service


@pytest.fixture
def start(python: Path, tmp_path: Path) -> Iterator[Callable[..., Notebook]]:
    """Starts a notebook whose kernel knows a service."""
    with ExitStack() as stack:

        def start(service: FakeZoe | None, **more: str) -> Notebook:
            environment = {} if service is None else {
                "ZOE_API_URL": service.url, "ZOE_API_TOKEN": TOKEN, "ZOE_SERVER": "alice/",
            }  # fmt: skip
            return stack.enter_context(Notebook(python, tmp_path, environment | more))

        yield start


@pytest.fixture
def notebook(start: Callable[..., Notebook], zoe: FakeZoe) -> Notebook:
    return start(zoe)
