"""A JupyterLab without the panel: the card under a cell is its kernel's. Without widgets, there is a table instead."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Page, expect

from scripts import faces
from tests.faces.notebooks import faults, new_notebook, open_lab, photograph, run_cell
from tests.zoe_server_ext.embedded import end, make_server, state, until
from tests.zoe_server_ext.servers import Server

pytestmark = [pytest.mark.slow, pytest.mark.long]

WIDGETS = ("@jupyter-widgets/jupyterlab-manager", "anywidget")
ATTACH = "from zoe_widgets import Zoe\ncluster = Zoe().attach('bell', name='rung', workers=1)\ncluster"


@pytest.fixture
def lab_without(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Starts a server whose JupyterLab has not got these extensions."""
    if not (faces.CARD / "cluster.js").exists():
        pytest.skip("the card is not built: make setup")
    with ExitStack() as stack:

        def start(*extensions: str) -> Server:
            folder = tmp_path_factory.mktemp("lab")
            config = folder / "server" / "config"
            (config / "labconfig").mkdir(parents=True)
            (config / "labconfig" / "page_config.json").write_text(
                json.dumps({"disabledExtensions": dict.fromkeys(extensions, True)})
            )
            news = config / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
            news.mkdir(parents=True)
            (news / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
            stack.callback(end, folder / "home")
            return stack.enter_context(make_server(folder / "server", folder / "home", lab=True))

        yield start


def test_the_kernels_card_shows_logs_and_swaps_while_a_cell_runs(
    page: Page, lab_without: Callable[..., Server]
) -> None:
    lab = lab_without(faces.NAME)
    open_lab(page, lab)
    new_notebook(page, lab)
    run_cell(page, ATTACH)
    card = page.locator(".jp-OutputArea .zoe-widget").get_by_role("article")
    expect(card).to_contain_text("workers: 1 of 1 ready")
    run_cell(page, "import os, time\nwhile not os.path.exists('go'):\n    time.sleep(0.1)\nprint('went', 'on')")

    card.get_by_role("button", name="Logs").click()
    logs = page.locator(".jp-OutputArea .zoe-logs")
    expect(logs.get_by_label("Instance")).to_contain_text("bell.tower 0")
    assert faults(page, ".jp-OutputArea .zoe-widget") == []
    card.get_by_role("button", name="Logs").click()
    expect(logs).to_have_count(0)

    card.get_by_role("button", name="More").click()
    card.get_by_role("menuitem", name="Swap…").click()
    form = page.locator(".jp-OutputArea").get_by_role("form", name="Swap rung")
    form.get_by_label("Workers").fill("99")
    expect(form.get_by_text("out of bounds")).to_be_visible()
    expect(form.get_by_role("button", name="Swap")).to_be_disabled()
    form.get_by_label("Workers").fill("2")
    form.get_by_label("Name").fill("louder")
    expect(form.get_by_role("status").filter(has_text="Starts now")).to_be_visible()
    assert faults(page, ".jp-OutputArea .zoe-widget") == []
    photograph(page, "card-swap")
    form.get_by_role("button", name="Swap").click()
    card = page.locator(".jp-OutputArea .zoe-widget").get_by_role("article", name="louder")
    expect(card).to_contain_text("workers: 2 of 2 ready")
    expect(form).to_have_count(0)
    until(lambda: state(lab.http, "rung") == "terminated")
    (lab.folder / "go").touch()
    expect(page.locator(".jp-Notebook")).to_contain_text("went on")
    # The one with the card is active, as it was clicked at.
    page.locator(".jp-Notebook .jp-Cell").last.click()
    run_cell(page, "[each.name for each in Zoe()]")
    expect(page.locator(".jp-Notebook")).to_contain_text("['louder']")


def test_without_widgets_there_is_a_table(page: Page, lab_without: Callable[..., Server]) -> None:
    lab = lab_without(faces.NAME, *WIDGETS)
    open_lab(page, lab)
    new_notebook(page, lab)
    run_cell(page, ATTACH)
    output = page.locator(".jp-OutputArea").first
    expect(output.get_by_role("row", name="workers")).to_contain_text("1 of 1 ready")
    expect(output.get_by_role("link", name="Bell")).to_be_visible()
    expect(output.locator(".zoe-widget")).to_have_count(0)
