"""In a real browser, without a Hub: hundreds of rows, long names, a broken connection, and high contrast."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.store.examples import a_submission
from tests.store.writing import moved
from tests.web.conftest import Site, Starter
from zoe_hub.model.execution import ExecutionState

from .browser import browsing, hindrances

pytestmark = pytest.mark.slow

LONG = "x".join(["a-name-that-nobody-would-type"] * 8)


@asynccontextmanager
async def visiting(site: Site, token: str, **options: Any) -> AsyncIterator[Any]:
    async with browsing() as browser:
        context = await browser.new_context(viewport={"width": 1280, "height": 800}, **options)
        context.set_default_timeout(60_000)
        await context.add_cookies([{"name": "login", "value": token, "url": site.url}])
        yield await context.new_page()
        await context.close()


async def test_a_thousand_rows_are_paged_searched_and_stay_live(site: Site) -> None:
    store = site.context.store
    made = await asyncio.gather(
        *(store.submit(a_submission(owner="alice", name=f"cluster-{number:04}")) for number in range(999))
    )
    await store.submit(a_submission(owner="alice", name=LONG))
    async with visiting(site, "admin-token") as page:
        await page.goto(f"{site.url}admin/executions")
        await page.wait_for_selector("#zoe-connection[data-state=live]")
        assert await page.locator("#zoe-rows tr").count() == 50
        await page.wait_for_selector("text=1 to 50 of 1000")
        # However long a name is, the page does not grow wider than the window.
        assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert await page.locator(f"text={LONG}").first.is_visible()
        await page.click("a[rel=next]")
        await page.wait_for_selector("text=51 to 100 of 1000")
        await page.fill("input[name=text]", "cluster-0777")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("text=1 to 1 of 1")
        (one,) = [each for each, _ in made if each.name == "cluster-0777"]
        await page.wait_for_selector("#zoe-connection[data-state=live]")
        await moved(store, one.id, ExecutionState.QUEUED, ExecutionState.STARTING)
        await page.wait_for_selector(f"tr[data-key='{one.id}'] >> text=starting")
        await page.wait_for_function("document.getElementById('zoe-said').textContent.includes('cluster-0777')")


async def test_a_connection_that_breaks_is_said_and_resumed(site: Site, start: Starter) -> None:
    first = await start(name="first")
    async with visiting(site, "alice-token") as page:
        await page.goto(site.url)
        await page.wait_for_selector("#zoe-connection[data-state=live]")
        await page.context.set_offline(True)
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        await page.wait_for_selector("#zoe-connection[data-state=waiting]")
        assert "connection is lost" in await page.inner_text("#zoe-said")
        assert await page.locator(f"tr[data-key='{first}']").is_visible(), "what was known stays"
        second = await start(name="second")
        await page.context.set_offline(False)
        await page.wait_for_selector(f"tr[data-key='{second}'] >> text=running")
        await page.wait_for_selector("#zoe-connection[data-state=live]")


@pytest.mark.parametrize("options", [{"forced_colors": "active"}, {"contrast": "more"}], ids=["forced", "more"])
async def test_high_contrast_hinders_nobody(
    site: Site, start: Starter, tmp_path: Path, options: dict[str, str]
) -> None:
    execution = await start(name="flights")
    async with visiting(site, "admin-token", **options) as page:
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            for place in (
                "admin/executions",
                "admin/capacity?window=1h",
                "admin/quotas/edit",
                f"executions/{execution}",
            ):
                await page.goto(site.url + place)
                assert await hindrances(page, "html") == [], (scheme, place)
