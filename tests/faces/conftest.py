"""`lab`: a JupyterLab with the panel and a user's own service. `browser`: Debian's Chromium. `page`: a window of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from scripts import faces
from scripts.folders import Folders
from tests.web.pages.browser import find_browser
from tests.zoe_server_ext.embedded import end, make_server
from tests.zoe_server_ext.servers import Server


def newest_panel() -> Path | None:
    """The prebuilt extension: of what was built for a wheel and what set-up installed, the newer one."""
    places = [faces.PACKAGED, faces.installed(Folders.of(os.environ))]
    places.append(Path(sys.prefix, "share", "jupyter", "labextensions", faces.NAME))
    built = [each for each in places if (each / "package.json").exists()]
    return max(built, key=lambda each: (each / "package.json").stat().st_mtime, default=None)


@pytest.fixture(scope="session")
def panel() -> Path:
    found = newest_panel()
    if found is None:
        pytest.skip("the panel is not built: make setup")
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not longer than a module: as long as it is there an event loop runs, beside which asynchronous tests cannot."""
    program = find_browser()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield running
        running.close()


def prepare_lab(folder: Path, panel: Path) -> None:
    """Let a server whose folder this is have the panel, and ask nothing of the outside."""
    extensions = folder / "data" / "labextensions" / faces.NAME
    extensions.parent.mkdir(parents=True)
    extensions.symlink_to(panel)
    settings = folder / "config" / "lab" / "user-settings"
    for name, text in {
        "@jupyterlab/apputils-extension/notification": '{"fetchNews": "false"}',
        "@jupyterlab/docmanager-extension/plugin": '{"renameUntitledFileOnSave": false}',
        # On a busy machine, five seconds go by between two clicks.
        "@zoe-jupyter/labextension/panel": '{"undo": 120}',
    }.items():
        place = settings / f"{name}.jupyterlab-settings"
        place.parent.mkdir(parents=True)
        place.write_text(text)


@pytest.fixture(scope="module")
def lab(panel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("lab")
    prepare_lab(folder / "server", panel)
    home = folder / "home"
    try:
        with make_server(folder / "server", home, lab=True) as server:
            yield server
            # What each page asks for when it opens takes seconds, in a thread of its own. A server that is stopped
            # meanwhile waits for that thread for ever; one is answered after the other.
            server.http.get("api/nbconvert").raise_for_status()
    finally:
        end(home)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()
