"""In a real browser, at a Hub whose services and users have domains of their own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.spawner.hub import RealHub, find_proxy

from .browser import browsing, find_browser, person
from .shop import write_shop

pytestmark = [pytest.mark.hub, pytest.mark.slow]


async def test_what_a_start_costs_follows_what_is_typed(tmp_path: Path) -> None:
    find_browser()
    if find_proxy() is None:
        pytest.skip("needs configurable-http-proxy: npm install configurable-http-proxy")
    write_shop(tmp_path)
    settings = {"ZOE_CONFIG_FILE": str(tmp_path / "zoe_config.py")}
    names = "--host-resolver-rules=MAP hub.test 127.0.0.1, MAP *.hub.test 127.0.0.1"
    async with (
        RealHub(tmp_path, environment=settings, domain="hub.test") as hub,
        browsing(names) as browser,
        person(browser, hub, "alice") as page,
    ):
        await page.goto(f"{hub.url}/hub/spawn/alice")
        card = page.locator("[data-zapp^='lab-and-sleepers']")
        await card.locator("label").first.click()
        await page.fill("#zoe-lab-and-sleepers-cpu", "2")
        await card.locator("text=Needs 2.5 CPU").wait_for()
        await page.fill("#zoe-lab-and-sleepers-workers", "99")
        await page.wait_for_selector("#zoe-lab-and-sleepers-workers[aria-invalid=true]")
        # Another question goes through the same frame.
        await page.fill("#zoe-lab-and-sleepers-workers", "3")
        await card.locator("text=/takes up to 2.8 CPU/").wait_for()
        assert await page.locator("[aria-invalid]").count() == 0
        assert await page.locator("iframe").count() == 1

        # Without a mouse: from the search to the start.
        await page.goto(f"{hub.url}/hub/spawn/alice")
        await page.focus("#zoe-search")
        await page.keyboard.type("sleep")
        await _press_until(page, "Tab", "zoe-jupyterlab")
        await _press_until(page, "ArrowDown", "zoe-lab-and-sleepers")
        await _press_until(page, "Tab", "zoe-lab-and-sleepers-workers")
        await page.keyboard.press("ControlOrMeta+a")
        await page.keyboard.type("2")
        await page.keyboard.press("Enter")
        await page.wait_for_url(re.compile("/hub/spawn-pending/|/user/alice/"))
        async with hub.zoe() as zoe:
            (view,) = await zoe.executions(owner="alice", live=True)
        assert (view.zapp, view.parameters["workers"]) == ("lab-and-sleepers", 2)


async def _press_until(page: Any, key: str, wanted: str) -> None:
    """Until the element with this identifier has the keyboard."""
    for _ in range(50):
        await page.keyboard.press(key)
        if await page.evaluate("document.activeElement.id") == wanted:
            return
    raise AssertionError(f"{key} does not lead to {wanted}")
