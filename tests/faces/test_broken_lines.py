"""Connections that break in all the ways in which they do: the panel says so by itself, and goes on by itself."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.faces.line import Line
from tests.faces.notebooks import faults, open_lab, show_panel
from tests.zoe_server_ext.embedded import pid_of_service, start
from tests.zoe_server_ext.servers import Server

pytestmark = pytest.mark.slow

OLD = "What is shown may be old"


@pytest.fixture(scope="module")
def line(lab: Server) -> Iterator[Line]:
    with Line(lab.port, lab.base) as made:
        yield made


@pytest.fixture(scope="module")
def visited(browser: Browser, lab: Server, line: Line) -> Iterator[Page]:
    """The lab at the other end of the line, with its panel open."""
    start(lab.http, "before")
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    open_lab(page, line)
    expect(show_panel(page).get_by_role("article", name="before")).to_be_visible()
    yield page
    context.close()
    lab.http.delete("zoe/api/v1/executions/before")


def told(page: Page, why: str) -> Any:
    """What is known stays, and it is said that it may be old, and why."""
    banner = page.locator("#zoe-panel").get_by_role("status").filter(has_text=OLD)
    expect(banner).to_contain_text(why)
    expect(page.locator("#zoe-panel").get_by_role("article", name="before")).to_be_visible()
    return banner


def goes_on(page: Page, lab: Server, name: str, banner: Any) -> None:
    """It is as before the connection broke, with what happened meanwhile."""
    panel = page.locator("#zoe-panel")
    expect(panel.get_by_role("article", name=name).locator(".zoe-state")).to_have_text("running")
    expect(banner).to_have_count(0)
    lab.http.delete(f"zoe/api/v1/executions/{name}")
    expect(panel.get_by_role("article", name=name).locator(".zoe-state")).to_have_text("terminated")


def test_a_browser_without_a_network(visited: Page, lab: Server) -> None:
    visited.context.set_offline(True)
    banner = told(visited, "This browser is offline.")
    assert faults(visited, "#zoe-panel") == []
    start(lab.http, "while-offline")
    visited.context.set_offline(False)
    goes_on(visited, lab, "while-offline", banner)


def test_a_proxy_that_is_away(visited: Page, lab: Server, line: Line) -> None:
    line.cut()
    banner = told(visited, "The Jupyter server does not answer.")
    start(lab.http, "while-cut")
    line.mend()
    goes_on(visited, lab, "while-cut", banner)


def test_a_network_that_is_gone_without_a_word(visited: Page, lab: Server, line: Line) -> None:
    line.silence()
    banner = told(visited, "Nothing is heard of the service.")
    start(lab.http, "while-silent")
    line.mend()
    goes_on(visited, lab, "while-silent", banner)


def test_a_service_that_hangs(visited: Page, lab: Server) -> None:
    service = pid_of_service(lab.folder.parent / "home")
    os.kill(service, signal.SIGSTOP)
    try:
        banner = told(visited, "Nothing is heard of the service.")
    finally:
        os.kill(service, signal.SIGCONT)
    start(lab.http, "after-it-hung")
    goes_on(visited, lab, "after-it-hung", banner)
