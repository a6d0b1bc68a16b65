"""On a real JupyterHub, with real single-user servers and the real service: what a user and an administrator meet."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from zoe_hub.client import ExecutionView
from zoe_hub.model.execution import ExecutionState

from .hub import RealHub
from .waiting import until

pytestmark = [pytest.mark.hub, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

FRAMEWORK = """
apiVersion: zoe/v1
kind: Framework
name: companion
title: Companion
options: [{name: command, type: string, default: sleep}, {name: cpu, type: number, default: 0}]
processes:
  - name: main
    title: Companion
    image: none
    command: ["{{ command }}", "1000"]
    restart: {policy: never}
    resources: {cpu: "{{ cpu }}"}
"""
ZAPP = """
apiVersion: zoe/v1
kind: ZApp
name: %s
title: %s
parameters: [{name: cpu, type: number, default: 0, maximum: 1000}]
frameworks:
  - {framework: jupyter, options: {cpu: 0}}
  - {framework: companion, options: {command: %s, cpu: "{{ cpu }}"}}
"""
SETTINGS = """
c = get_config()
c.ZoeConfig.folders = [%r]
c.ZoeConfig.cpus = 2
"""


def write_shop(folder: Path) -> None:
    (folder / "shop" / "companion").mkdir(parents=True)
    (folder / "shop" / "zapps").mkdir()
    (folder / "shop" / "companion" / "framework.yaml").write_text(FRAMEWORK)
    (folder / "shop" / "zapps" / "pair.yaml").write_text(ZAPP % ("pair", "A <b>pair</b>", "sleep"))
    (folder / "shop" / "zapps" / "broken.yaml").write_text(ZAPP % ("broken-pair", "Broken", "/nonexistent/program"))
    (folder / "zoe_config.py").write_text(SETTINGS % str(folder / "shop"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory, proxy: str, hub_python: str) -> AsyncIterator[RealHub]:
    folder = tmp_path_factory.mktemp("hub")
    write_shop(folder)
    settings = {"ZOE_CONFIG_FILE": str(folder / "zoe_config.py")}
    async with RealHub(folder, python=hub_python, environment=settings) as hub:
        yield hub
    assert not hub.processes()


async def executions(hub: RealHub, owner: str, *, live: bool | None = True) -> list[ExecutionView]:
    async with hub.zoe() as zoe:
        return await zoe.executions(owner=owner, live=live)


async def ended(hub: RealHub, owner: str) -> ExecutionView:
    """The owner's newest execution, once nothing of the owner's is left running."""

    async def nothing_is_left() -> bool:
        return not await executions(hub, owner)

    await until(nothing_is_left, interval=0.1)
    return (await executions(hub, owner, live=None))[0]


async def test_from_the_login_page_to_the_lab_and_back(hub: RealHub) -> None:
    browser = await hub.login("alice")
    form = await hub.open_form(browser, "alice")
    assert "pair" in form.choices["zapp"]
    assert "spark" not in form.choices["zapp"], "what has no notebook is attached from one"
    assert "A &lt;b&gt;pair&lt;/b&gt;" in form.html
    page = await hub.submit_form(browser, form, zapp="pair")
    assert page.status_code == 200
    told = await hub.progress(browser, "alice")
    assert told[-1].get("ready"), told
    messages = [event["message"] for event in told]
    assert "Admitted: there is room for it" in messages
    assert "Companion is ready" in messages

    (execution,) = await executions(hub, "alice")
    assert execution.state is ExecutionState.RUNNING
    assert {i.process for i in execution.instances} == {"jupyter.server", "companion.main"}
    lab = await browser.get("/user/alice/lab")
    assert lab.status_code == 200
    environment = await kernel_environment(hub, "alice")
    assert environment["ZOE_SERVER"] == "alice/"
    assert environment["ZOE_EXECUTION"] == execution.id
    assert environment["ZOE_URL"] == hub.zoe_url
    assert (hub.home / "service-token").read_text().strip() not in environment.values()

    described = await hub.server("alice")
    assert described["user_options"]["profile"] == "A <b>pair</b>"
    await hub.stop_server("alice")
    assert (await ended(hub, "alice")).state is ExecutionState.TERMINATED
    again = await hub.open_form(browser, "alice")
    assert again.fields["zapp"] == "pair", "the last choice is remembered"
    await browser.aclose()


async def kernel_environment(hub: RealHub, user: str) -> dict[str, str]:
    """The environment of the user's server."""
    for process in hub.processes():
        if any("singleuser" in word for word in process.cmdline()):
            environment: dict[str, str] = process.environ()
            if environment.get("JUPYTERHUB_USER") == user:
                return environment
    raise LookupError(user)


async def test_no_options_are_the_default_and_the_servers_own_token_reaches_zoe(hub: RealHub) -> None:
    assert (await hub.start_server("carol", options={})).status_code < 300
    token = (await kernel_environment(hub, "carol"))["JUPYTERHUB_API_TOKEN"]
    async with hub.zoe(token) as zoe:
        me = await zoe.me()
        assert me.name == "carol"
        assert not me.admin
        assert {"custom:zoe:executions", "custom:zoe:connect"} <= set(me.scopes)
        assert [(e.owner, e.zapp) for e in await zoe.executions()] == [("carol", "jupyterlab")]
    await hub.stop_server("carol")


async def test_a_hub_that_restarts_finds_server_and_execution(hub: RealHub) -> None:
    browser = await hub.login("dave")
    await hub.start_server("dave", options={"zapp": "pair"})
    (before,) = await executions(hub, "dave")
    await hub.restart()
    assert (await hub.server("dave"))["ready"]
    assert (await browser.get("/user/dave/lab")).status_code == 200
    (after,) = await executions(hub, "dave")
    assert (after.id, after.state) == (before.id, ExecutionState.RUNNING)
    await hub.stop_server("dave")
    assert (await ended(hub, "dave")).state is ExecutionState.TERMINATED
    await browser.aclose()


async def test_a_server_that_is_killed_takes_its_companions_along(hub: RealHub) -> None:
    await hub.start_server("erin", options={"zapp": "pair"})
    for process in hub.processes():
        if any("singleuser" in word for word in process.cmdline()) and process.environ()["JUPYTERHUB_USER"] == "erin":
            process.kill()
    # The Hub looks every 30 seconds by itself, and at once when somebody comes to see.
    browser = await hub.login("erin")
    await browser.get("/hub/home")
    assert (await ended(hub, "erin")).state is ExecutionState.TERMINATED
    await browser.aclose()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"zapp": "jupiterlab"}, "Did you mean 'jupyterlab'?"),
        ({"zapp": "jupyterlab", "parameters": {"memory": "1 KiB"}}, "memory: 1 KiB is out of bounds"),
        ({"colour": "red"}, "colour: is no user option"),
        ({"zapp": "spark"}, "has no notebook of its own"),
    ],
)
async def test_rest_options_are_refused_with_a_sentence(hub: RealHub, options: Any, sentence: str) -> None:
    answer = await hub.start_server("frank", options=options)
    assert 400 <= answer.status_code < 500
    assert sentence in answer.json()["message"]
    assert not await executions(hub, "frank")


async def test_a_form_that_is_refused_says_why_and_keeps_what_was_typed(hub: RealHub) -> None:
    browser = await hub.login("heidi")
    form = await hub.open_form(browser, "heidi")
    page = await hub.submit_form(browser, form, zapp="jupyterlab", jupyterlab__memory="3 MiB")
    assert page.status_code == 400
    assert "memory: 3 MiB is out of bounds" in page.text
    assert 'value="3 MiB"' in page.text
    await browser.aclose()


async def test_named_servers_are_executions_of_their_own(hub: RealHub) -> None:
    await hub.start_server("ivan", "one", {"zapp": "pair"})
    await hub.start_server("ivan", "two", {"zapp": "pair"})
    found = {e.attachment.server for e in await executions(hub, "ivan") if e.attachment}
    assert found == {"ivan/one", "ivan/two"}
    await hub.stop_server("ivan", "one", remove=True)

    async def only_one() -> list[ExecutionView] | None:
        found = await executions(hub, "ivan")
        return found if len(found) == 1 else None

    left = await until(only_one, interval=0.1)
    assert left[0].attachment is not None
    assert left[0].attachment.server == "ivan/two"
    await hub.stop_server("ivan", "two", remove=True)


async def test_a_companion_that_fails_is_named_on_the_page(hub: RealHub) -> None:
    browser = await hub.login("judy")
    form = await hub.open_form(browser, "judy")
    await hub.submit_form(browser, form, zapp="broken-pair")
    told = await follow_or_read_again(hub, browser, "judy")
    assert "Companion" in told
    assert (await ended(hub, "judy")).state.ended
    assert not [p for p in hub.processes() if p.environ().get("JUPYTERHUB_USER") == "judy"]
    await browser.aclose()


async def follow_or_read_again(hub: RealHub, browser: Any, user: str) -> str:
    events = await hub.progress(browser, user)
    assert events[-1].get("failed"), events
    return str(events[-1]["message"])


async def test_a_start_in_the_queue_says_so_and_can_be_cancelled(hub: RealHub) -> None:
    await hub.start_server("kim", options={"zapp": "pair", "parameters": {"cpu": 1.5}})
    browser = await hub.login("leo")
    form = await hub.open_form(browser, "leo")
    await hub.submit_form(browser, form, zapp="pair", pair__cpu="1")
    reading = asyncio.create_task(hub.progress(browser, "leo"))

    async def waits() -> bool:
        return any(e.state is ExecutionState.QUEUED and e.reason for e in await executions(hub, "leo"))

    await until(waits, interval=0.1)
    answer = await hub.api("DELETE", "/users/leo/server")
    assert answer.status_code in (202, 204), answer.text
    told = [event["message"] for event in await reading]
    assert any(message.startswith("Waits for ") for message in told), told
    assert (await ended(hub, "leo")).state is ExecutionState.TERMINATED
    assert not [p for p in hub.processes() if p.environ().get("JUPYTERHUB_USER") == "leo"]
    await hub.stop_server("kim")
    await browser.aclose()


async def test_a_start_in_which_the_hub_died_is_ended_by_the_next_hub(hub: RealHub) -> None:
    await hub.start_server("kim", options={"zapp": "pair", "parameters": {"cpu": 1.5}})
    await hub.api("POST", "/users/nina")
    body = await hub.body_for({"zapp": "pair", "parameters": {"cpu": 1}})
    asking = asyncio.create_task(hub.api("POST", "/users/nina/server", json=body))

    async def waits() -> bool:
        return any(e.state is ExecutionState.QUEUED for e in await executions(hub, "nina"))

    await until(waits, interval=0.1)
    await hub.kill_hub()
    await asyncio.wait({asking})
    await hub.start()
    assert (await ended(hub, "nina")).state is ExecutionState.TERMINATED
    assert (await executions(hub, "kim"))[0].state is ExecutionState.RUNNING
    await hub.stop_server("kim")


async def test_the_services_pages_know_a_user_by_the_hubs_log_in(hub: RealHub) -> None:
    browser = await hub.login("mallory")
    answer = await browser.get("/services/zoe/api/v1/me", headers={"Sec-Fetch-Mode": "navigate"})
    if answer.status_code == 401:  # the API sends nobody to the log-in page; the pages do
        await browser.get("/services/zoe/", headers={"Accept": "text/html"})
        answer = await browser.get("/services/zoe/api/v1/me", headers={"Sec-Fetch-Mode": "navigate"})
    assert answer.status_code == 200, answer.text
    assert json.loads(answer.text)["name"] == "mallory"
    await browser.aclose()
