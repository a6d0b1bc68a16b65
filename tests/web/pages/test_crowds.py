"""In a real browser, without a Hub: hundreds of rows, long names, a broken connection, high contrast, no mouse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.faces.line import Line
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


async def focused(page: Any) -> str:
    """What the keyboard speaks to, as a screen reader calls it."""
    return str(
        await page.evaluate(
            """() => {
              const at = document.activeElement;
              return at === document.body ? '' : (at.getAttribute('aria-label') || at.textContent || at.id).trim();
            }"""
        )
    )


async def tab_to(page: Any, name: str, most: int = 200) -> None:
    for _ in range(most):
        await page.keyboard.press("Tab")
        if await focused(page) == name:
            return
    raise AssertionError(f"the keyboard does not come to {name}")


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
        await page.wait_for_selector("#zoe-connection[data-state=waiting]")
        assert "connection is lost" in await page.inner_text("#zoe-said")
        assert await page.locator(f"tr[data-key='{first}']").is_visible(), "what was known stays"
        second = await start(name="second")
        await page.context.set_offline(False)
        await page.wait_for_selector(f"tr[data-key='{second}'] >> text=running")
        await page.wait_for_selector("#zoe-connection[data-state=live]")


@pytest.mark.parametrize("page_of", ["", "executions/{id}", "executions/{id}/logs"])
async def test_a_line_that_is_gone_without_a_word_is_noticed(site: Site, start: Starter, page_of: str) -> None:
    site.feed.keepalive = 0.5
    site.written.texts = {(f"toy.{each}", 0): b"begun\n" for each in ("head", "worker")}
    first = await start(name="first")
    place = urlsplit(site.url)
    with Line(int(place.port or 0), place.path) as line:
        async with visiting(site, "alice-token") as page:
            await page.goto(line.url + page_of.format(id=first))
            await page.wait_for_selector("#zoe-connection[data-state=live]")
            line.silence()
            await page.wait_for_selector("#zoe-connection[data-state=waiting]")
            assert "connection is lost" in await page.inner_text("#zoe-said")
            second = await start(name="second")
            line.mend()
            await page.wait_for_selector("#zoe-connection[data-state=live]")
            if not page_of:
                await page.wait_for_selector(f"tr[data-key='{second}'] >> text=running")


async def test_an_administrator_needs_no_mouse_and_is_never_lost(site: Site, start: Starter) -> None:
    ids = {name: await start(name=name) for name in ("one", "two", "three")}
    store = site.context.store
    async with visiting(site, "admin-token") as page:
        await page.goto(f"{site.url}admin/executions")
        await page.wait_for_selector("#zoe-connection[data-state=live]")
        await page.evaluate("document.getElementById('main').dataset.undoSeconds = '600'")
        await tab_to(page, "Terminate two")
        await page.keyboard.press("Enter")
        assert await focused(page) == "Undo: keep two"
        assert "two ends in a few seconds" in await page.inner_text("#zoe-said")
        await page.keyboard.press("Enter")
        assert await focused(page) == "Terminate two"
        # Another row comes, and this one changes: the keyboard stays where it is.
        await start(name="four")
        await page.wait_for_selector("text=four")
        assert await focused(page) == "Terminate two"
        # The row itself goes: the keyboard goes on at its neighbour, and what became of it is said.
        await store.terminate(ids["two"], by="admin")
        await page.wait_for_selector("button[aria-label='Terminate two']", state="detached")
        assert await page.evaluate("document.activeElement.closest('tr')?.dataset.key") == ids["two"]
        await moved(store, ids["two"], ExecutionState.RUNNING, ExecutionState.STOPPING)
        await moved(store, ids["two"], ExecutionState.STOPPING, ExecutionState.TERMINATED)
        await page.wait_for_selector(f"tr[data-key='{ids['two']}']", state="detached")
        assert await page.evaluate("document.activeElement.closest('tr')?.dataset.key") == ids["one"]
        await page.wait_for_function(
            "document.getElementById('zoe-said').textContent.includes('two is now terminated')"
        )
        # When the last one goes, the keyboard is at the beginning of the content.
        for name in ("one", "three"):
            await store.terminate(ids[name], by="admin")
            await moved(store, ids[name], ExecutionState.RUNNING, ExecutionState.STOPPING)
            await moved(store, ids[name], ExecutionState.STOPPING, ExecutionState.TERMINATED)
            await page.wait_for_selector(f"tr[data-key='{ids[name]}']", state="detached")
        assert await page.evaluate("document.activeElement.closest('#main') !== null")
        # To the queue and the other pages by the keyboard.
        await page.locator(".zoe-tabs a:has-text('Queue')").focus()
        await page.keyboard.press("Enter")
        await page.wait_for_selector("h1:has-text('Queue')")


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
                # What has the keyboard is marked by a line: there may be no shadows.
                await page.keyboard.press("Tab")
                await page.keyboard.press("Tab")
                marked = "getComputedStyle(document.activeElement).outlineStyle"
                assert await page.evaluate(marked) == "solid", (scheme, place)
