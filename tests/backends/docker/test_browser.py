"""A person's browser, JupyterLab in a container, Spark in containers: attached, scaled, swapped, ended by clicks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.backends.contract import until
from tests.backends.docker.hubs import IMAGE, engine_with, executions, hub_of_containers
from tests.road.conftest import start_lab
from tests.spawner.hub import RealHub
from tests.web.pages.browser import browsing, find_browser, person
from zoe_hub.backends.docker.engine import Engine
from zoe_hub.backends.docker.names import EXECUTION

pytestmark = [
    pytest.mark.docker,
    pytest.mark.hub,
    pytest.mark.spark,
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.timeout(600),
]
PATIENCE = 120_000.0
"""Milliseconds: the machine may be busy."""
COUNT = 'print("counted", spark.range(1000).count())'


async def test_spark_is_attached_scaled_swapped_and_terminated_by_clicking(tmp_path: Path, docker_host: str) -> None:
    find_browser()
    async with (
        engine_with(docker_host, IMAGE, "zoe/spark:0.1") as engine,
        hub_of_containers(tmp_path, engine, config="c.ZoeConfig.cpus = 16\n") as hub,
        browsing() as browser,
    ):
        await start_lab(hub, "alice")
        async with person(browser, hub, "alice") as page:
            page.set_default_timeout(PATIENCE)
            await click_through(hub, engine, page)
        await hub.stop_server("alice")


async def click_through(hub: RealHub, engine: Engine, page: Any) -> None:
    await page.goto(f"{hub.url}/user/alice/lab?reset")
    await page.locator(".jp-LauncherCard[data-category='Notebook']").first.click()
    await page.get_by_role("button", name="Python 3 (ipykernel) | Idle").wait_for()
    await page.get_by_role("tab", name="Clusters").click()
    panel = page.locator("#zoe-panel")

    await panel.get_by_role("button", name="Spark cluster").click()
    form = panel.get_by_role("region", name="Attach Spark cluster")
    await form.get_by_label("Workers").fill("1")
    await form.get_by_label("Name").fill("clicked")
    await form.get_by_role("button", name="Attach").click()
    card = panel.get_by_role("article", name="clicked")
    await shows(card, "workers: 1 of 1 ready")
    await shows(page.locator(".jp-Notebook .jp-OutputArea"), "connected: spark")
    await run_cell(page, COUNT)
    await shows(page.locator(".jp-Notebook .jp-OutputArea"), "counted 1000")
    clicked = await named(hub, "clicked")
    assert len(await containers(engine, clicked)) == 3

    await card.get_by_label("number of workers").fill("2")
    await card.get_by_role("button", name="Scale").click()
    await shows(card, "workers: 2 of 2 ready")

    await card.get_by_role("button", name="More").click()
    await card.get_by_role("menuitem", name="Swap…").click()
    form = panel.get_by_role("region", name="Swap clicked for Spark cluster")
    await form.get_by_label("Workers").fill("1")
    await form.get_by_label("Name").fill("swapped")
    await form.get_by_role("button", name="Swap").click()
    card = panel.get_by_role("article", name="swapped")
    await shows(card, "workers: 1 of 1 ready")
    swapped = await named(hub, "swapped")

    async def the_notebook_has_moved() -> bool:
        return not await containers(engine, clicked)

    await until(the_notebook_has_moved)
    await card.get_by_role("button", name="Terminate").click()
    # After the seconds in which it can be taken back.
    await shows(card.locator(".zoe-state"), "terminated")

    async def nothing_is_left() -> bool:
        return not any([await containers(engine, each) for each in (clicked, swapped)])

    await until(nothing_is_left)


async def shows(element: Any, text: str) -> None:
    await element.filter(has_text=text).first.wait_for()


async def run_cell(page: Any, code: str) -> None:
    """In the cell that is active."""
    await page.locator(".jp-Notebook .jp-Cell.jp-mod-active .cm-content").click()
    await page.keyboard.insert_text(code)
    await page.keyboard.press("Shift+Enter")


async def named(hub: RealHub, name: str) -> str:
    return next(each.id for each in await executions(hub, "alice", "spark") if each.name == name)


async def containers(engine: Engine, execution: str) -> list[Any]:
    return await engine.containers([f"{EXECUTION}={execution}"])
