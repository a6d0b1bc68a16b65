"""The panel in a real JupyterLab, in a real browser, with a real cluster."""

from __future__ import annotations

import os
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.pages.browser import IMAGES, find_axe
from tests.zoe_server_ext.embedded import state, until
from tests.zoe_server_ext.servers import TOKEN, Server

pytestmark = pytest.mark.slow
PATIENCE = 60_000.0
"""Milliseconds: the machine may be busy."""


def open_lab(page: Page, lab: Server, *path: str) -> None:
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


def test_a_cluster_is_attached_scaled_and_terminated_by_clicking(page: Page, lab: Server) -> None:
    open_lab(page, lab)
    new_notebook(page, lab)
    panel = show_panel(page)
    expect(panel).to_contain_text("Nothing runs.")

    panel.get_by_role("button", name="Bell").click()
    form = panel.get_by_role("region", name="Attach Bell")
    form.get_by_label("Workers").fill("99")
    expect(form.get_by_text("is out of bounds: from 0 to 20")).to_be_visible()
    expect(form.get_by_role("button", name="Attach")).to_be_disabled()
    form.get_by_label("Workers").fill("1")
    form.get_by_label("Name").fill("clicked")
    expect(form.get_by_role("status").filter(has_text="Starts now.")).to_be_visible()
    assert faults(page, "#zoe-panel") == []
    photograph(page, "panel-attach")
    form.get_by_role("button", name="Attach").click()

    card = panel.get_by_role("article", name="clicked")
    expect(card).to_contain_text("workers: 1 of 1 ready")
    expect(card).to_contain_text("Untitled.ipynb")
    cell = page.locator(".jp-NotebookPanel .jp-Cell").first
    expect(cell).to_contain_text('Zoe().connect("clicked")')
    expect(cell.locator(".jp-OutputArea")).to_contain_text("connected: `bell`")

    card.get_by_label("number of workers").fill("3")
    card.get_by_role("button", name="Scale").click()
    expect(card).to_contain_text("workers: 3 of 3 ready")
    expect(card.get_by_role("img")).to_be_visible()
    expect(page.locator(".zoe-status")).to_contain_text("1 cluster")
    assert faults(page, "#zoe-panel") == []
    photograph(page, "panel-running")

    card.get_by_role("button", name="Terminate").click()
    card.get_by_role("button", name="Undo").click()
    expect(card.get_by_role("button", name="Terminate")).to_be_visible()
    assert state(lab.http, "clicked") == "running"
    card.get_by_role("button", name="Terminate").click()
    expect(card.locator(".zoe-state")).to_have_text("terminated")
    assert state(lab.http, "clicked") == "terminated"
    card.get_by_role("button", name="Dismiss").click()
    expect(panel).to_contain_text("Nothing runs.")


def test_what_code_made_is_shown_and_its_logs_and_pages_open_in_tabs(page: Page, lab: Server) -> None:
    open_lab(page, lab)
    panel = show_panel(page)
    expect(panel.get_by_role("button", name="Bell")).to_be_visible()
    answer = lab.http.post("zoe/api/v1/executions", json={"zapp": "bell", "name": "by-code"})
    assert answer.status_code == 202, answer.text
    card = panel.get_by_role("article", name="by-code")
    expect(card.locator(".zoe-state")).to_have_text("running")
    expect(card).to_contain_text("attached to no notebook")

    card.get_by_role("button", name="Bell").click()
    frame = page.frame_locator("iframe[title='Bell of by-code']")
    expect(frame.locator("body")).to_contain_text("/echo")
    card.get_by_role("button", name="Logs").click()
    logs = page.locator(".zoe-logs")
    expect(logs.get_by_label("Instance")).to_contain_text("bell.tower 0")
    assert faults(page, ".zoe-logs") == []

    lab.http.delete("zoe/api/v1/executions/by-code")
    expect(card.locator(".zoe-state")).to_have_text("terminated")


def run_cell(page: Page, code: str) -> None:
    """In the cell that is active, which the next one follows."""
    page.locator(".jp-Notebook .jp-Cell.jp-mod-active .cm-content").click()
    page.keyboard.insert_text(code)
    page.keyboard.press("Shift+Enter")


def test_the_card_under_a_cell_outlives_its_kernel_and_scales_while_a_cell_runs(page: Page, lab: Server) -> None:
    open_lab(page, lab)
    new_notebook(page, lab)
    run_cell(page, "from zoe_widgets import Zoe\ncluster = Zoe().attach('bell', name='carded', workers=1)\ncluster")
    card = page.locator(".jp-OutputArea .zoe-widget").get_by_role("article")
    expect(card).to_contain_text("workers: 1 of 1 ready")
    run_cell(page, "import os, time\nwhile not os.path.exists('go'):\n    time.sleep(0.1)\nprint('went', 'on')")
    card.get_by_label("number of workers").fill("2")
    card.get_by_role("button", name="Scale").click()
    expect(card).to_contain_text("workers: 2 of 2 ready")
    assert faults(page, ".jp-OutputArea .zoe-widget") == []
    photograph(page, "card")
    (lab.folder / "go").touch()
    expect(page.locator(".jp-Notebook")).to_contain_text("went on")

    page.get_by_role("button", name="Restart the kernel", exact=True).click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    card.get_by_label("number of workers").fill("1")
    card.get_by_role("button", name="Scale").click()
    expect(card).to_contain_text("workers: 1 of 1 ready")

    page.keyboard.press("Control+S")
    until(lambda: any("carded" in each.read_text() for each in lab.folder.glob("*.ipynb")))
    page.reload()
    expect(card).to_contain_text("workers: 1 of 1 ready")
    card.get_by_role("button", name="Terminate").click()
    expect(card.locator(".zoe-state")).to_have_text("terminated")
    assert state(lab.http, "carded") == "terminated"
    page.reload()
    expect(card.locator(".zoe-state")).to_have_text("terminated")


def test_without_a_wish_for_clusters_no_service_is_started(page: Page, lab: Server) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_lab(page, lab)
    page.locator(".jp-LauncherCard").first.wait_for()
    assert not [url for url in asked if "/zoe/" in url]
    show_panel(page)
    until(lambda: page.evaluate("1") and [url for url in asked if url.endswith("/zoe/api/v1/shop")])
