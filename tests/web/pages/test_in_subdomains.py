"""In a real browser, at a Hub whose services and users have domains of their own."""

from __future__ import annotations

from pathlib import Path

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
