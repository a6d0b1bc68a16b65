"""In a real browser, at a real Hub: what a person and an administrator see, live and without scripts."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import pytest_asyncio

from tests.spawner.hub import RealHub, find_proxy
from tests.spawner.waiting import until
from zoe_hub.client import ZoeClient
from zoe_hub.client.administration import AdministratorsClient
from zoe_hub.model.commands import Submit
from zoe_hub.model.execution import ExecutionState
from zoe_hub.model.quotas import Limits

from .browser import browsing, find_browser, looked_at, person
from .shop import write_shop

pytestmark = [
    pytest.mark.hub, pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RealHub]:
    find_browser()
    if find_proxy() is None:
        pytest.skip("needs configurable-http-proxy: npm install configurable-http-proxy")
    folder = tmp_path_factory.mktemp("pages")
    write_shop(folder)
    async with RealHub(folder, environment={"ZOE_CONFIG_FILE": str(folder / "zoe_config.py")}) as real:
        yield real


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(hub: RealHub) -> AsyncIterator[Any]:
    async with browsing() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def zoe(hub: RealHub) -> AsyncIterator[ZoeClient]:
    """The service's own client, which acts for anybody. What is left after a test ends."""
    async with hub.zoe() as client:
        yield client
        left = list(await client.executions(live=True))
        for view in left:
            await client.terminate(view.id)
        for view in left:
            await client.wait(view.id, lambda seen: seen.state.ended)


async def run(zoe: ZoeClient, owner: str, name: str, zapp: str = "sleepers", **parameters: Any) -> str:
    """Submit for somebody, and wait until it runs."""
    view = await zoe.submit(Submit(zapp=zapp, name=name, owner=owner, parameters=parameters))
    await zoe.wait(view.id, lambda seen: seen.state is ExecutionState.RUNNING)
    return view.id


LONG = "a-name-that-somebody-typed-who-does-not-like-to-be-short-of-it"


async def test_ones_own_page_is_live_and_an_administrators_has_everybodys(
    hub: RealHub, browser: Any, zoe: ZoeClient, tmp_path: Path
) -> None:
    await run(zoe, "bob", "trains")
    async with person(browser, hub, "alice") as page, person(browser, hub, "admin") as admin:
        # From the Hub's own navigation, which is the same on our pages.
        theirs = await page.locator("nav.navbar").inner_html()
        await page.click("nav >> text=My executions")
        ours = await page.locator("nav.navbar").inner_html()
        assert ours.replace("nav-link active", "nav-link") == theirs
        assert await page.locator("nav.navbar .active").all_inner_texts() == ["My executions"]
        drawn = "each => getComputedStyle(each, '::before').fontFamily"
        assert "Font Awesome" in await page.locator("#logout .fa").evaluate(drawn)
        await page.click("nav >> text=Services")
        async with page.expect_navigation():
            await page.locator(".dropdown-menu >> text=zoe").click()
        await page.locator("#dark-theme-toggle").click()
        assert await page.locator("html").get_attribute("data-bs-theme") == "dark"
        await page.locator("#dark-theme-toggle").click()
        await page.wait_for_selector("text=Nothing of yours runs")
        await page.wait_for_selector("#zoe-connection[data-state=live]")
        flights = await run(zoe, "alice", "flights", workers=2)
        await page.wait_for_selector(f"tr[data-key='{flights}'] >> text=running")
        await page.wait_for_selector(f"tr[data-key='{flights}'] >> text=3 of 3 ready")
        assert await page.locator("text=Nothing of yours runs").count() == 0
        assert await page.locator("text=trains").count() == 0
        await run(zoe, "alice", LONG)
        await page.wait_for_selector(f"text={LONG}")
        await looked_at(page, "hub-my-executions", tmp_path)

        await admin.goto(f"{hub.url}/services/zoe/admin/executions")
        await admin.keyboard.press("Tab")
        assert await admin.locator(".zoe-skip").evaluate("each => each === document.activeElement")
        await admin.keyboard.press("Enter")
        assert await admin.locator("#main").evaluate("each => each === document.activeElement")
        await admin.wait_for_selector("text=trains")
        await admin.wait_for_selector("text=flights")
        await looked_at(admin, "hub-all-executions", tmp_path)

        # Alice takes it back once; then she ends one, and both see it without doing anything.
        await page.evaluate("document.getElementById('main').dataset.undoSeconds = '600'")
        await page.click("button[aria-label='Terminate flights']")
        await page.click("button[aria-label='Undo: keep flights']")
        await page.wait_for_selector("button[aria-label='Terminate flights']:has-text('Terminate')")
        assert not await _ended(zoe, flights)
        await page.evaluate("document.getElementById('main').dataset.undoSeconds = '2'")
        await page.click("button[aria-label='Terminate flights']")
        await page.wait_for_selector(f"tr[data-key='{flights}']", state="detached")
        await admin.wait_for_selector(f"tr[data-key='{flights}']", state="detached")
        await until(lambda: _ended(zoe, flights))


async def test_the_navigation_of_others_is_for_the_service_alone(hub: RealHub) -> None:
    tokens = {"": 403, await hub.user_token("alice"): 403}
    async with httpx.AsyncClient() as stranger:
        for token, status in tokens.items():
            headers = {"Authorization": f"token {token}"} if token else {}
            answer = await stranger.get(f"{hub.url}/hub/zoe/navigation?user=admin", headers=headers)
            assert answer.status_code == status, answer.text
            assert "logout" not in answer.text


async def test_an_administrator_finds_out_why_somebody_waits_in_three_clicks(
    hub: RealHub, browser: Any, zoe: ZoeClient, tmp_path: Path
) -> None:
    await run(zoe, "bob", "trains", cpu=3)
    waits = await zoe.submit(Submit(zapp="sleepers", name="flights", owner="alice", parameters={"cpu": 2}))
    async with person(browser, hub, "admin") as page:
        await page.click("a:has-text('Zoe administration')")
        await page.click("a:has-text('Queue')")
        row = page.locator(f"tr[data-key='{waits.id}']")
        await row.wait_for()
        assert "CPU" in await row.locator("td.zoe-reason").inner_text()
        await looked_at(page, "hub-queue", tmp_path)
        # What it waits for ends: it leaves the queue before the administrator's eyes.
        for view in await zoe.executions(owner="bob", live=True):
            await zoe.terminate(view.id)
        await row.wait_for(state="detached")
        await page.wait_for_selector("text=Nobody waits.")


async def test_the_panels_other_pages(hub: RealHub, browser: Any, zoe: ZoeClient, tmp_path: Path) -> None:
    execution = await run(zoe, "alice", "flights", workers=2, cpu=1)
    await run(zoe, "bob", "trains", cpu=1)
    async with person(browser, hub, "admin") as page:
        await page.goto(f"{hub.url}/services/zoe/admin/quotas/edit?kind=user&name=alice")
        await page.fill("input[name=cpu]", "3")
        await looked_at(page, "hub-quota", tmp_path)
        await page.click("text=Save")
        await page.wait_for_selector("text=Saved.")
        for place, sign in (
            ("quotas", "user alice"), ("capacity?window=1h", "text=alice"), ("shop", "broken.yaml"),
            ("audit", "text=put_users_quota"), ("health", "text=The service can do its work"),
        ):  # fmt: skip
            await page.goto(f"{hub.url}/services/zoe/admin/{place}")
            await page.wait_for_selector(sign if sign.startswith("text=") else f"text={sign}")
            await looked_at(page, f"hub-{place.partition('?')[0]}", tmp_path, shown=place != "shop")
        await page.goto(f"{hub.url}/services/zoe/executions/{execution}")
        await page.wait_for_selector("text=3 of 3 ready")
        await looked_at(page, "hub-execution", tmp_path)
        await page.fill("input[name=value]", "1")
        await page.click("button:has-text('Scale')")
        await page.wait_for_selector("text=2 of 2 ready")


async def test_the_spawn_page_is_a_shop(hub: RealHub, browser: Any, zoe: ZoeClient, tmp_path: Path) -> None:
    async with zoe_quota(hub, "alice", cpu=2):
        await run(zoe, "bob", "trains", cpu=3)
        async with person(browser, hub, "alice") as page:
            await page.goto(f"{hub.url}/hub/spawn/alice")
            await page.wait_for_selector(".zoe-shop")
            await page.fill("#zoe-search", "sleep")
            card = page.locator("[data-zapp^='lab-and-sleepers']")
            await card.wait_for(state="visible")
            # What is chosen stays in sight; what neither matches nor is chosen does not.
            assert await page.locator("[data-zapp^='jupyterlab ']").is_visible()
            assert await page.locator("[data-zapp^='jupyterlab-spark']").is_hidden()
            await card.locator("label").first.click()
            await page.wait_for_selector("[data-zapp^='jupyterlab ']", state="hidden")
            # What it costs follows what is typed, and what is wrong is said beside it.
            await page.fill("#zoe-lab-and-sleepers-cpu", "2")
            await card.locator("text=Too much for your quota of 2 CPU: it takes 2.5 CPU").wait_for()
            await page.fill("#zoe-lab-and-sleepers-cpu", "0")
            await page.fill("#zoe-lab-and-sleepers-workers", "99")
            await page.wait_for_selector("#zoe-lab-and-sleepers-workers[aria-invalid=true]")
            await page.fill("#zoe-lab-and-sleepers-workers", "2")
            await card.locator("text=Takes 0.5 CPU; 1.5 CPU stay free in your quota of 2 CPU.").wait_for()
            assert await page.locator("[aria-invalid]").count() == 0
            await looked_at(page, "hub-spawn", tmp_path, within=".zoe-shop")
            await page.click("button:has-text('Start')")
            await page.wait_for_url("**/user/alice/**")
            views = await zoe.executions(owner="alice", live=True)
            assert [view.parameters["workers"] for view in views] == [2]
            # The last choice is remembered.
            await hub.stop_server("alice")
            await page.goto(f"{hub.url}/hub/spawn/alice")
            assert await page.input_value("#zoe-lab-and-sleepers-workers") == "2"


async def test_a_start_that_waits_says_so_on_its_page(
    hub: RealHub, browser: Any, zoe: ZoeClient, tmp_path: Path
) -> None:
    holds = await run(zoe, "bob", "trains", cpu=3)
    async with person(browser, hub, "carol", java_script_enabled=False) as page:
        await page.goto(f"{hub.url}/hub/spawn/carol")
        await page.check("#zoe-lab-and-sleepers")
        card = page.locator("[data-zapp^='lab-and-sleepers']")
        await card.locator("summary").click()
        await page.fill("#zoe-lab-and-sleepers-cpu", "2")
        await page.click("button:has-text('Start')")
        now = page.locator("li[data-status=now]")
        await now.filter(has_text="In the queue").wait_for()
        # What it waits for, in one sentence.
        assert re.fullmatch(r"Waits for [^:]* CPU on one node[^:]*", await now.locator("div").inner_text())
        async with person(browser, hub, "carol") as watching:
            await watching.goto(f"{hub.url}/hub/spawn-pending/carol")
            await watching.wait_for_selector("li[data-status=now]:has-text('In the queue') >> text=CPU")
            await watching.wait_for_selector("li[data-status=now] >> text=/[0-9]+ s/")
            await looked_at(watching, "hub-start", tmp_path, within="#zoe-stages")
        # Without scripts the page asks again by itself, and leads to what says more.
        await page.click("p >> text=My executions")
        await page.wait_for_selector(".zoe-badge:has-text('waiting')")
        await zoe.terminate(holds)
        await until(lambda: _running(zoe, "carol"))
        await page.goto(f"{hub.url}/hub/spawn-pending/carol")
        await page.wait_for_url("**/user/carol/**")
    await hub.stop_server("carol")


async def _running(zoe: ZoeClient, owner: str) -> bool:
    views = await zoe.executions(owner=owner, live=True)
    return bool(views) and views[0].state is ExecutionState.RUNNING


@asynccontextmanager
async def zoe_quota(hub: RealHub, user: str, **limits: Any) -> AsyncIterator[None]:
    """A quota of a user, as long as it is needed."""
    await hub.api("POST", "/users/admin")
    async with AdministratorsClient(hub.zoe_url, await hub.user_token("admin")) as admin:
        await admin.put_quota("user", user, Limits(**limits))
        yield
        await admin.delete_quota("user", user)


async def test_without_scripts_all_of_it_is_there(hub: RealHub, browser: Any, zoe: ZoeClient) -> None:
    execution = await run(zoe, "alice", "flights")
    await run(zoe, "bob", "trains")
    async with person(browser, hub, "admin", java_script_enabled=False) as page:
        await page.goto(f"{hub.url}/services/zoe/admin/executions")
        await page.check(f"input[value='{execution}']")
        await page.click("text=Terminate what is chosen")
        await page.fill("input[name=confirm]", "flights")
        await page.click("button:has-text('Terminate')")
        await page.wait_for_selector("text=is being terminated")
    await until(lambda: _ended(zoe, execution))


async def test_logs_are_shown_as_they_are_written_and_a_lost_connection_is_said_and_found_again(
    hub: RealHub, browser: Any, zoe: ZoeClient, tmp_path: Path
) -> None:
    execution = await run(zoe, "alice", "clock", zapp="ticking")
    async with person(browser, hub, "alice") as page, person(browser, hub, "alice") as reader:
        await reader.goto(f"{hub.url}/services/zoe/executions/{execution}/logs")
        await reader.wait_for_selector("#zoe-connection[data-state=live]")
        seen = await reader.inner_text("#zoe-log")
        await reader.wait_for_function(
            "seen => document.getElementById('zoe-log').textContent.length > seen + 10", arg=len(seen)
        )
        await looked_at(reader, "hub-logs", tmp_path)

        await page.goto(f"{hub.url}/services/zoe/")
        await page.wait_for_selector("#zoe-connection[data-state=live]")
        psutil.Process(hub.pid_of_service()).kill()
        await page.wait_for_selector("#zoe-connection[data-state=waiting]")
        await looked_at(page, "hub-lost-connection", tmp_path, shown=False)
        # The Hub starts the service again; the page goes on without being touched.
        await page.wait_for_selector("#zoe-connection[data-state=live]", timeout=180_000)
        later = await run(zoe, "alice", "later")
        await page.wait_for_selector(f"tr[data-key='{later}'] >> text=running")
        await reader.wait_for_selector("#zoe-connection[data-state=live]", timeout=180_000)


async def _ended(zoe: ZoeClient, execution: str) -> bool:
    return (await zoe.execution(execution)).state.ended
