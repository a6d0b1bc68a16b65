"""What people do in JupyterLab, and what is looked at."""

from __future__ import annotations

import os
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.faces.line import Line
from tests.web.pages.browser import IMAGES, find_axe
from tests.zoe_server_ext.servers import TOKEN, Server

PATIENCE = 60_000.0
"""Milliseconds: the machine may be busy."""


def open_lab(page: Page, lab: Server | Line, *path: str) -> None:
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    page.goto(f"{lab.url}lab{'/'.join(('', *path))}?token={TOKEN}&reset")
    page.wait_for_selector("#jp-main-dock-panel")


def new_notebook(page: Page, lab: Server) -> None:
    """Open, with an idle kernel."""
    page.get_by_role("region", name="notebook content").or_(page.locator(".jp-LauncherCard")).first.wait_for()
    page.locator(".jp-LauncherCard[title^='Python 3'], .jp-LauncherCard[data-category='Notebook']").first.click()
    page.locator(".jp-NotebookPanel .jp-Notebook-cell").first.wait_for()
    page.get_by_role("button", name="Python 3 (ipykernel) | Idle").wait_for()


def show_panel(page: Page) -> Any:
    page.get_by_role("tab", name="Clusters").click()
    return page.locator("#zoe-panel")


def dress(page: Page, theme: str) -> None:
    """Choose a theme in the menu."""
    page.locator(".lm-MenuBar-itemLabel").get_by_text("Settings", exact=True).click()
    page.locator(".lm-Menu-itemLabel").get_by_text("Theme", exact=True).click()
    page.locator(".lm-Menu-itemLabel").get_by_text(theme, exact=True).click()
    expect(page.locator("body")).to_have_attribute("data-jp-theme-name", theme)


def photograph(page: Page, name: str) -> None:
    """For the documentation, where that is asked for."""
    if os.environ.get("ZOE_SCREENSHOTS"):
        page.screenshot(path=str(IMAGES / f"{name}.png"))


def faults(page: Page, where: str) -> list[str]:
    """What axe-core finds wrong."""
    script = find_axe()
    if script is None:
        pytest.skip("needs axe-core: `make setup` installs it, or name its script in ZOE_AXE")
    page.add_script_tag(path=str(script))
    found = page.evaluate("where => axe.run(where, {resultTypes: ['violations']})", where)
    return [f"{v['id']}: {n['html'][:200]} {n['failureSummary']}" for v in found["violations"] for n in v["nodes"]]


def run_cell(page: Page, code: str) -> None:
    """In the cell that is active, which the next one follows."""
    page.locator(".jp-Notebook .jp-Cell.jp-mod-active .cm-content").click()
    page.keyboard.insert_text(code)
    page.keyboard.press("Shift+Enter")
