"""What real Spark computes for a cell, in a real JupyterLab."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from scripts.finder import JAVA, find_java
from tests.faces.conftest import prepare_lab
from tests.faces.notebooks import faults, new_notebook, open_lab, photograph, run_cell
from tests.road.conftest import share_cache
from tests.zoe_server_ext.embedded import end
from tests.zoe_server_ext.servers import Server

pytestmark = [
    pytest.mark.spark,
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.skipif(find_java(os.environ) is None, reason=f"Spark needs Java {JAVA} or newer: `make setup` gets it"),
]
ATTACH = """\
from zoe_widgets import Zoe
cluster = Zoe().attach("spark", workers=1, memory="512 MiB", driver_memory="512 MiB")"""
MINUTES = 'spark.range(0, 4 * 10**9, 1, 200).selectExpr("sum(pmod(hash(id, id + 1), 7))").collect()'


@pytest.fixture(scope="module")
def lab(panel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("lab")
    home = folder / "home"
    share_cache(home)
    home.chmod(0o700)
    prepare_lab(folder / "server", panel)
    options = ["--ZoeEmbedded.linger=0.5", "--ZoeEmbedded.prepare=False", "--ZoeConfig.memory=16 GiB"]
    try:
        with Server(folder / "server", *options, lab=True, ZOE_HOME=str(home)) as server:
            yield server
    finally:
        end(home)


def test_a_query_is_followed_below_its_cell_and_cancelled(page: Page, lab: Server) -> None:
    open_lab(page, lab)
    new_notebook(page, lab)
    run_cell(page, ATTACH)
    expect(page.locator(".jp-Notebook")).to_contain_text("connected: spark", timeout=180_000)
    work = page.locator(".jp-OutputArea .zoe-work")
    run_cell(page, MINUTES)
    expect(work).to_contain_text("of 200 tasks", timeout=120_000)
    expect(work).to_contain_text(re.compile(r"stage \d+: [1-9]\d+ of 200 tasks"), timeout=120_000)
    assert faults(page, ".zoe-work") == []
    photograph(page, "spark-progress")
    work.get_by_role("button", name="Cancel").click()
    expect(page.locator(".jp-Notebook")).to_contain_text("OPERATION_CANCELED")
    expect(work).to_have_count(0)
