"""Somebody at a real Hub, in a window of their own: what they do in JupyterLab, and pictures of it.

One of them likes it light and one dark, so that every step is seen in both.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Locator, Page, expect

from scripts import faces
from tests.spawner.hub import RealHub
from tests.web.pages.browser import IMAGES, hindrances, person

PATIENCE = 120_000.0
"""Milliseconds: two clusters start on whatever the machine has."""
expect.set_options(timeout=PATIENCE)

STILL = """
() => Promise.all(document.getAnimations()
  .filter(each => Number.isFinite(each.effect?.getComputedTiming().endTime))
  .map(each => each.finished.catch(() => 0)))
"""
"""Colours that fade would be seen half-way; what turns all the time never comes to rest."""


def settle(hub: RealHub, name: str, *, dark: bool) -> None:
    """Somebody's settings of JupyterLab, before they first come."""
    settings = {
        "@jupyterlab/apputils-extension/notification": {"fetchNews": "false"},
        "@jupyterlab/apputils-extension/themes": {"theme": "JupyterLab Dark" if dark else "JupyterLab Light"},
        "@jupyterlab/docmanager-extension/plugin": {"renameUntitledFileOnSave": False},
        # Cells are counted here.
        "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
        # On a busy machine, five seconds go by between two clicks.
        "@zoe-jupyter/labextension/panel": {"undo": 120},
    }
    folder = hub.folder / "homes" / name / ".jupyter" / "lab" / "user-settings"
    for plugin, values in settings.items():
        place = folder / f"{plugin}.jupyterlab-settings"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(values))


def offer(folder: Path, panel: Path) -> str:
    """Where every server finds this panel, before any other; for JUPYTER_PATH."""
    place = folder / "share" / "labextensions" / faces.NAME
    place.parent.mkdir(parents=True)
    place.symlink_to(panel)
    return str(folder / "share")


class Somebody:
    """Logged in at the Hub. `dark` is what they like."""

    def __init__(self, page: Page, hub: RealHub, name: str, cluster: str, *, dark: bool) -> None:
        self.page = page
        self.hub = hub
        self.name = name
        self.cluster = cluster
        self.dark = dark
        page.set_default_timeout(PATIENCE)

    @property
    def panel(self) -> Locator:
        return self.page.locator("#zoe-panel")

    def card(self, name: str) -> Locator:
        """In the panel."""
        return self.panel.get_by_role("article", name=name, exact=True)

    async def start_lab(self) -> None:
        """From the shop."""
        page = self.page
        await page.goto(f"{self.hub.url}/hub/spawn/{self.name}")
        await page.wait_for_selector(".zoe-shop")
        await page.locator("[data-zapp^='jupyterlab ']").locator("label").first.click()
        await page.locator("[data-zapp^='jupyterlab '] .zoe-now").wait_for()
        await self.photograph("walk-1-shop")
        await page.click("button:has-text('Start')")
        await page.wait_for_url(f"**/user/{self.name}/**")
        await page.locator(".jp-LauncherCard").first.wait_for()
        await self.photograph("walk-2-lab", within="")

    async def open_notebook(self) -> None:
        """With an idle kernel, beside the panel."""
        page = self.page
        await page.locator(".jp-LauncherCard[data-category='Notebook']").first.click()
        await page.locator(".jp-NotebookPanel .jp-Notebook-cell").first.wait_for()
        await page.get_by_role("button", name="Python 3 (ipykernel) | Idle").wait_for()
        await page.get_by_role("tab", name="Clusters").click()
        # Their server is listed too. Its life is the Hub's.
        server = self.panel.get_by_role("article")
        await expect(server).to_contain_text("JupyterLab")
        await expect(server.get_by_role("button", name="Terminate")).to_have_count(0)

    async def run(self, code: str) -> Locator:
        """In the last cell, which another one follows; the output's area."""
        page = self.page
        cells = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell")
        number = await cells.count() - 1
        await cells.nth(number).locator(".cm-content").click()
        await page.keyboard.insert_text(code)
        await page.keyboard.press("Shift+Enter")
        return cells.nth(number).locator(".jp-OutputArea")

    async def photograph(self, name: str, within: str = ".zoe") -> None:
        """For the documentation, where that is asked for. What axe-core finds in ours is a fault in any case."""
        if os.environ.get("ZOE_SCREENSHOTS"):
            await self.page.evaluate(STILL)
            await self.page.screenshot(path=str(IMAGES / f"{name}{'-dark' if self.dark else ''}.png"))
        found = await hindrances(self.page, within) if within and await self.page.locator(within).count() else []
        assert not found, f"{name}, {self.name}: " + "\n".join(found)


@asynccontextmanager
async def somebody(browser: Browser, hub: RealHub, name: str, cluster: str, *, dark: bool) -> AsyncIterator[Somebody]:
    """Through the login page."""
    settle(hub, name, dark=dark)
    async with person(browser, hub, name, color_scheme="dark" if dark else "light") as page:
        yield Somebody(page, hub, name, cluster, dark=dark)
