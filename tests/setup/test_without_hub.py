"""The built wheel in a fresh environment without a Hub: `pip install`, start Jupyter, attach; as its how-to says."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.zoe_server_ext.embedded import end
from tests.zoe_server_ext.servers import Server

from .commands import call

pytestmark = [pytest.mark.slow, pytest.mark.dask, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and a Jupyter server: nothing of the checkout, a Hub, Spark or Dask."""
    folder = tmp_path_factory.mktemp("environment")
    call(sys.executable, "-m", "venv", str(folder))
    call(str(folder / "bin" / "pip"), "install", "--quiet", str(wheel), "jupyter-server", "ipykernel")
    return folder / "bin" / "python"


@pytest.fixture
def server(python: Path, tmp_path: Path) -> Iterator[Server]:
    """Started as a person does who has configured nothing; all defaults lead below `tmp_path`."""
    environment = {"HOME": str(tmp_path), "PYTHONPATH": "", "ZOE_HOME": ""}
    try:
        with Server(tmp_path / "server", python=python, base="/", **environment) as running:
            yield running
    finally:
        for home in (tmp_path / "server" / "data" / "zoe").iterdir():
            end(home)


def test_what_is_missing_is_said_and_what_is_there_works(server: Server, python: Path) -> None:
    lacking = server.run_in_kernel("from zoe_widgets import Zoe; Zoe().attach('spark')")
    assert f"Spark is not installed here. Type: {python} -m pip install 'zoe-jupyter[spark]'" in lacking
    lacking = server.run_in_kernel("from zoe_widgets import Zoe; Zoe().attach('dask')")
    assert f"Type: {python} -m pip install 'zoe-jupyter[dask]'" in lacking
    call(str(python), "-m", "pip", "install", "--quiet", "distributed>=2024.8")
    printed = server.run_in_kernel(
        "from zoe_widgets import Zoe; c = Zoe().attach('dask', workers=1); print(client.submit(sum, [40, 2]).result())"
    )
    assert printed.endswith("42\n"), printed
    (home,) = (server.folder / "data" / "zoe").iterdir()
    assert home.name.startswith(f"{python.parent.parent.name}-")
    assert os.stat(home).st_mode & 0o777 == 0o700
