"""A service that knows two clusters, and a terminal of its user's server."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.client.fakes import TOKEN, FakeZoe

from .running import run_zoe


@pytest.fixture
def zoe() -> Iterator[FakeZoe]:
    with FakeZoe() as service:
        yield service


@pytest.fixture
def run(zoe: FakeZoe) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `zoe` as in a terminal of the user's server."""
    return lambda *arguments, **more: run_zoe(*arguments, **{"ZOE_API_URL": zoe.url, "ZOE_API_TOKEN": TOKEN, **more})
