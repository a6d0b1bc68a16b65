"""An existing hub of the oldest supported JupyterHub takes the built wheel and three lines, as its how-to says."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from tests.road.lab import Lab
from tests.spawner.hub import RealHub, find_proxy

from .commands import call


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with JupyterHub 5 and the wheel, and nothing of the checkout."""
    folder = tmp_path_factory.mktemp("environment")
    call(sys.executable, "-m", "venv", str(folder))
    call(str(folder / "bin" / "pip"), "install", "--quiet", f"{wheel}[hub,lab,dask]", "jupyterhub<6")
    python = folder / "bin" / "python"
    call(str(python), "-c", "import jupyterhub; assert jupyterhub.version_info[0] == 5")
    return python


def test_the_wheel_holds_what_is_no_code(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for wanted in (
        "zoe_hub/frameworks/spark/framework.yaml",
        "zoe_hub/frameworks/zapps/jupyterlab.yaml",
        "zoe_hub/store/migrations/env.py",
        "zoe_hub/web/pages/templates/base.html",
        "zoe_hub/web/pages/static/live.js",
    ):
        assert wanted in names
    assert any(name.endswith("etc/jupyter/jupyter_server_config.d/zoe_server_ext.json") for name in names)
    assert any("etc/ipython/startup/" in name for name in names)
    assert not any("__pycache__" in name or name.startswith("tests") for name in names)


@pytest.mark.hub
@pytest.mark.slow
@pytest.mark.dask
@pytest.mark.timeout(600)
async def test_three_lines_in_jupyterhub_5(python: Path, tmp_path: Path) -> None:
    if find_proxy() is None:
        pytest.skip("configurable-http-proxy is missing: `make setup` installs it")
    async with RealHub(tmp_path, python=str(python), source=None, spawner="zoe-simple") as hub:
        await hub.start_server("alice", options={"zapp": "jupyterlab"})
        assert (await hub.server("alice")).get("ready"), hub.log()[-4000:]
        async with Lab(hub, "alice", await hub.user_token("alice")).notebook() as notebook:
            attached = await notebook.run("%zoe attach dask workers=1")
            assert "connected: `client`" in attached.text
            assert (await notebook.run("print(client.submit(sum, [40, 2]).result())")).text.endswith("42\n")
        await hub.stop_server("alice")
