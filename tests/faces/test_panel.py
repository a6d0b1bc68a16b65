"""The panel in a real JupyterLab, in a real browser, with a real cluster."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.faces.notebooks import dress, faults, new_notebook, open_lab, photograph, run_cell, show_panel
from tests.zoe_server_ext.embedded import state, until
from tests.zoe_server_ext.servers import Server

pytestmark = pytest.mark.slow


def test_a_cluster_is_attached_scaled_swapped_and_terminated_by_clicking(page: Page, lab: Server) -> None:
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
    expect(cell.locator(".jp-OutputArea")).to_contain_text("connected: bell")

    card.get_by_label("number of workers").fill("3")
    card.get_by_role("button", name="Scale").click()
    expect(card).to_contain_text("workers: 3 of 3 ready")
    expect(card.get_by_role("img")).to_be_visible()
    expect(page.locator(".zoe-status")).to_contain_text("1 cluster")
    assert faults(page, "#zoe-panel") == []
    photograph(page, "panel-running")
    for theme in ("JupyterLab Dark High Contrast", "JupyterLab Dark"):
        dress(page, theme)
        assert faults(page, "#zoe-panel") == [], theme
    photograph(page, "panel-running-dark")
    dress(page, "JupyterLab Light")

    card.get_by_role("button", name="More").click()
    card.get_by_role("menuitem", name="Swap…").click()
    form = panel.get_by_role("region", name="Swap clicked for Bell")
    form.get_by_label("Workers").fill("2")
    form.get_by_label("Name").fill("swapped")
    form.get_by_role("button", name="Swap").click()
    expect(card.locator(".zoe-state")).to_have_text("terminated")
    card.get_by_role("button", name="Dismiss").click()
    card = panel.get_by_role("article", name="swapped")
    expect(card).to_contain_text("workers: 2 of 2 ready")
    expect(card).to_contain_text("Untitled.ipynb")

    card.get_by_role("button", name="Terminate").click()
    card.get_by_role("button", name="Undo").click()
    expect(card.get_by_role("button", name="Terminate")).to_be_visible()
    assert state(lab.http, "swapped") == "running"
    card.get_by_role("button", name="Terminate").click()
    card.get_by_role("button", name="Now", exact=True).click()
    expect(card.locator(".zoe-state")).to_have_text("terminated")
    assert state(lab.http, "swapped") == "terminated"
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
    # By keys.
    card.get_by_role("button", name="More").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowUp")
    expect(card.get_by_role("menuitem", name="Detach")).to_be_focused()
    page.keyboard.press("Escape")
    expect(card.get_by_role("button", name="More")).to_be_focused()
    expect(card.get_by_role("menuitem")).to_have_count(0)
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
    card.get_by_role("button", name="Now", exact=True).click()
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
