"""The whole road, for real: a JupyterHub, user servers, kernels, Spark and Dask.

`hub`        one hub for all tests of this folder
`shelf`      the administrator's folder of frameworks and ZApps
`alice_lab`  alice's server, started at the spawn page with *JupyterLab*
`notebook`   a fresh kernel of alice's server; whatever it attached is gone afterwards

All of them live in the session's event loop, so test modules here are marked `asyncio(loop_scope="session")`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.spawner.hub import RealHub, find_proxy
from zoe_hub.config import cache_folder, default_home
from zoe_hub.model.errors import ZoeError

from .lab import Lab, Notebook


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/road" in str(item.path):
            item.add_marker(pytest.mark.hub)


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The administrator's folder of frameworks and ZApps; empty at first."""
    return tmp_path_factory.mktemp("shelf")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def hub(tmp_path_factory: pytest.TempPathFactory, shelf: Path) -> AsyncIterator[RealHub]:
    if find_proxy() is None:
        pytest.skip("configurable-http-proxy is missing: `make setup` installs it")
    folder = tmp_path_factory.mktemp("road")
    config = folder / "zoe_config.py"
    config.write_text(f"c.ZoeConfig.folders = [{str(shelf)!r}]\n")
    # A server starts as late as the machine lets it.
    late = "c.Spawner.http_timeout = 180"
    hub = RealHub(folder, environment={"ZOE_CONFIG_FILE": str(config)}, late=late)
    share_cache(hub.home)
    async with hub:
        yield hub


def share_cache(home: Path) -> None:
    """What set-up prepared for the frameworks, where there is such; it makes Spark's starts faster."""
    prepared = cache_folder(default_home())
    if prepared.is_dir():
        cache_folder(home).parent.mkdir(parents=True)
        cache_folder(home).symlink_to(prepared)


async def start_lab(hub: RealHub, user: str, zapp: str = "jupyterlab", server: str = "", **parameters: str) -> Lab:
    """Log in, pick a ZApp at the spawn page, start, and wait until it is ready."""
    browser = await hub.login(user)
    try:
        form = await hub.open_form(browser, user, server)
        answer = await hub.submit_form(browser, form, zapp=zapp, **{f"{zapp}__{k}": v for k, v in parameters.items()})
        assert answer.is_success, answer.text
        events = await hub.progress(browser, user, server)
        assert events[-1].get("ready"), events
    finally:
        await browser.aclose()
    return Lab(hub, user, await hub.user_token(user), server)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def alice_lab(hub: RealHub) -> Lab:
    return await start_lab(hub, "alice")


@pytest_asyncio.fixture(loop_scope="session")
async def notebook(hub: RealHub, alice_lab: Lab) -> AsyncIterator[Notebook]:
    async with alice_lab.notebook() as notebook:
        yield notebook
    async with hub.zoe() as zoe:
        for execution in await zoe.executions(live=True):
            if execution.zapp != "jupyterlab":
                try:
                    await zoe.terminate(execution.id)
                    await zoe.wait(execution.id, lambda view: view.state.ended)
                except ZoeError:
                    continue
