"""Fixtures: ``real_hub_python`` (parametrised over the JupyterHubs that there are), ``proxy``."""

from __future__ import annotations

import os
import sys

import pytest

from .hub import find_proxy

OTHER = "ZOE_TEST_HUB_PYTHON"
"""Names the Python of a further environment, with another JupyterHub, in which the `hub` tests run too."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "hub_python" in metafunc.fixturenames:
        pythons = [sys.executable, *filter(None, os.environ.get(OTHER, "").split(os.pathsep))]
        names = ["hub", *(f"other{number}" for number in range(1, len(pythons)))]
        metafunc.parametrize("hub_python", pythons, ids=names, scope="module")


@pytest.fixture(scope="session")
def proxy() -> str:
    found = find_proxy()
    if found is None:
        pytest.skip("needs configurable-http-proxy: npm install configurable-http-proxy")
    return found
