"""A real browser for tests: Debian's Chromium, driven by Playwright; and axe-core, which looks for what hinders people.

What is missing is said when a test is skipped. `ZOE_SCREENSHOTS=1` writes the pictures of the documentation.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.spawner.hub import PASSWORD, RealHub

CHECKOUT = Path(__file__).parent.parent.parent.parent
IMAGES = CHECKOUT / "docs" / "images"
_AXE = "axe-core/axe.min.js"


def find_browser() -> str:
    """The program Chromium. Skips the test where there is none."""
    pytest.importorskip("playwright.async_api", reason="needs Playwright: `make setup` installs it")
    found = os.environ.get("ZOE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.skip("needs the browser Chromium: install Debian's package chromium, or name it in ZOE_CHROMIUM")
    return found


def find_axe() -> Path | None:
    """The script of axe-core, if this machine has it."""
    home = Path(os.environ.get("ZOE_HOME", str(CHECKOUT / ".zoe")))
    places = [CHECKOUT / "ui" / "node_modules" / _AXE, home / "faces" / "ui" / "node_modules" / _AXE]
    if named := os.environ.get("ZOE_AXE"):
        places.insert(0, Path(named))
    return next((place for place in places if place.is_file()), None)


@asynccontextmanager
async def browsing(*arguments: str) -> AsyncIterator[Any]:
    """A browser without a window, started with these arguments."""
    program = find_browser()
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox", *arguments])
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def person(browser: Any, hub: RealHub, name: str, **options: Any) -> AsyncIterator[Any]:
    """A page of somebody who has logged in at the Hub; with a window, cookies and storage of their own."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, **options)
    context.set_default_timeout(60_000)
    try:
        page = await context.new_page()
        await page.goto(f"{hub.url}/hub/login?next=%2Fhub%2Ftoken")
        await page.fill("#username_input", name)
        await page.fill("#password_input", PASSWORD)
        await page.click("#login_submit")
        await page.wait_for_url("**/hub/token*")
        yield page
    finally:
        await context.close()


async def hindrances(page: Any, within: str) -> list[str]:
    """What axe-core finds within an element: rule and place, each with its reason."""
    script = find_axe()
    if script is None:
        pytest.skip("needs axe-core to look further: `make setup` installs it, or name its script in ZOE_AXE")
    # Not as an element of the page, whose policy forbids it.
    await page.evaluate(script.read_text(encoding="utf-8"))
    found = await page.evaluate("within => axe.run(within, {resultTypes: ['violations']})", within)
    return [
        f"{rule['id']}: {rule['help']}: {node['html'][:200]} ({node.get('failureSummary', '')[:300]})"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


async def looked_at(page: Any, name: str, folder: Path, *, within: str = "html", shown: bool = True) -> None:
    """Take pictures, light and dark, for the documentation where that is asked for. Nothing may hinder anybody.

    `within` bounds what is judged, such as our part of a page of the Hub. Where a machine's own paths are on the page,
    it is not `shown` to others.
    """
    places = IMAGES if shown and os.environ.get("ZOE_SCREENSHOTS") else folder
    places.mkdir(parents=True, exist_ok=True)
    found = []
    for theme in ("dark", "light"):
        await page.evaluate("theme => document.documentElement.setAttribute('data-bs-theme', theme)", theme)
        # Colours that fade would be judged half-way.
        await page.evaluate("Promise.all(document.getAnimations().map(each => each.finished.catch(() => 0)))")
        await page.screenshot(path=str(places / f"{name}{'-dark' if theme == 'dark' else ''}.png"))
        found += [f"{theme}: {each}" for each in await hindrances(page, within)]
    assert not found, "\n".join(found)
