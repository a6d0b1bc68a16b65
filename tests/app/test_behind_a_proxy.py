"""Two services behind a proxy and a real JupyterHub, from the how-to's own text."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.chaos.follower import Follower
from tests.spawner.hub import CHECKOUT, RealHub, find_proxy, free_port
from zoe_hub.client import ZoeClient
from zoe_hub.model.commands import Submit
from zoe_hub.model.execution import ExecutionState

from .pair import until

HAPROXY = shutil.which("haproxy", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
PAGE = (CHECKOUT / "docs" / "how-to" / "two-services.md").read_text()
PORTS = ("9990", "9991", "9992")

pytestmark = [
    pytest.mark.hub,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(HAPROXY is None, reason="haproxy is missing: apt-get install haproxy"),
]

_SHOP = {
    "tick/framework.yaml": """
apiVersion: zoe/v1
kind: Framework
name: tick
title: Tick
processes:
  - name: main
    command: [sleep, "1000"]
    instances: {core: 1}
    resources: {cpu: 0.01, memory: 1 MiB}
""",
    "zapps/ticks.yaml": "apiVersion: zoe/v1\nkind: ZApp\nname: ticks\ntitle: Ticks\nframeworks: [{framework: tick}]\n",
}


def block(holds: str) -> str:
    """The one block of the page that holds these words."""
    found = [text for text in re.findall(r"^```\w*\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) if holds in text]
    assert len(found) == 1, f"{len(found)} blocks hold {holds!r}"
    return str(found[0])


class Services:
    """Two services as the units of the page start them, with the proxy before them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {written: str(free_port()) for written in PORTS}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def own(self, text: str) -> str:
        """The page's text with this test's ports."""
        for written, port in self.ports.items():
            text = text.replace(f":{written}", f":{port}")
        return text

    @property
    def proxy(self) -> str:
        return f"http://127.0.0.1:{self.ports['9990']}/services/zoe"

    def url(self, number: int) -> str:
        """A service's own address."""
        return f"http://127.0.0.1:{self.ports[PORTS[number]]}/services/zoe/"

    def start_proxy(self) -> None:
        assert HAPROXY is not None
        configuration = self.folder / "haproxy.cfg"
        configuration.write_text(self.own(block("httpchk")))
        subprocess.run([HAPROXY, "-c", "-f", str(configuration)], check=True, capture_output=True)
        self._start("proxy", [HAPROXY, "-db", "-f", str(configuration)], {})

    def start(self, number: int, environment: dict[str, str]) -> None:
        self._environment = environment
        url = self.url(number).removesuffix("/services/zoe/")
        command = [sys.executable, "-m", "zoe_hub", "--allow-root"]
        self._start(str(number), command, {**environment, "JUPYTERHUB_SERVICE_URL": url})

    def _start(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("JUPYTERHUB_", "ZOE_"))}
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command, env={**inherited, "PYTHONPATH": str(CHECKOUT), **environment}, stdout=log, stderr=log
            )

    def again(self, number: int) -> None:
        """Go on, or start anew what has ended."""
        self._running[str(number)].send_signal(signal.SIGCONT)
        if self._running[str(number)].poll() is not None:
            self.start(number, self._environment)

    def signal(self, number: int, what: signal.Signals) -> None:
        self._running[str(number)].send_signal(what)

    def end(self) -> None:
        for process in self._running.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in self._running.values():
            process.wait(30)

    def log(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-2000:] for path in sorted(self.folder.glob("*.log")))


@contextmanager
def running(folder: Path) -> Iterator[Services]:
    services = Services(folder)
    try:
        yield services
    finally:
        services.end()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[RealHub, Services]]:
    """A Hub with both services; the first leads."""
    if find_proxy() is None:
        pytest.skip("configurable-http-proxy is missing: `make setup` installs it")
    folder = tmp_path_factory.mktemp("two")
    for name, text in _SHOP.items():
        (folder / "shop" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "shop" / name).write_text(text)
    (folder / "zoe_config.py").write_text(f"c.ZoeConfig.folders = [{str(folder / 'shop')!r}]\n")
    with running(folder) as services:
        hub = RealHub(folder / "hub", early=services.own(block("service_url=")))
        starting = asyncio.create_task(hub.start())
        try:
            token = hub.home / "service-token"
            await until(lambda: _there(token), "the token of the service", hub.log)
            environment = dict(word.split("=", 1) for word in shlex.split(block("JUPYTERHUB_API_TOKEN=")))
            environment |= {
                "ZOE_HOME": str(hub.home),
                "ZOE_CONFIG_FILE": str(folder / "zoe_config.py"),
                "JUPYTERHUB_API_TOKEN": token.read_text().strip(),
                "JUPYTERHUB_API_URL": hub.api_url,
            }
            services.start_proxy()
            for number, role in ((1, "open"), (2, "standby")):
                services.start(number, environment)
                await until(lambda: _is(services, number, role), f"{role} of {number}", services.log)  # noqa: B023
            await starting
            yield hub, services
        finally:
            starting.cancel()
            await hub.stop()


async def _there(path: Path) -> bool:
    return path.exists() and bool(path.read_text())


async def _is(services: Services, number: int, role: str) -> bool:
    async with httpx.AsyncClient(trust_env=False, timeout=2) as http:
        try:
            return str((await http.get(f"{services.url(number)}ready")).json()["role"]) == role
        except httpx.TransportError:
            return False


async def test_the_hub_starts_none_and_a_person_logs_in_through_either(both: tuple[RealHub, Services]) -> None:
    hub, _ = both
    assert "Starting service 'zoe'" not in hub.log()
    browser = await hub.login("alice")
    try:
        # The pages of one log-in are answered by the one service and the other in turn.
        for _ in range(3):
            page = await browser.get("/services/zoe/", headers={"Accept": "text/html"})
            assert page.status_code == 200
            assert str(page.url) == f"{hub.service_url}/"
            for cookie in [each for each in browser.cookies.jar if each.path.startswith("/services/zoe")]:
                browser.cookies.jar.clear(cookie.domain, cookie.path, cookie.name)
    finally:
        await browser.aclose()
    answer = await hub.start_server("alice", options={"zapp": "jupyterlab"})
    assert answer.is_success, answer.text
    assert (await hub.server("alice")).get("ready"), hub.log()[-4000:]


async def test_events_come_at_once_through_both_proxies(both: tuple[RealHub, Services]) -> None:
    hub, services = both
    await hub.api("POST", "/users/alice")
    token = await hub.user_token("alice")
    follower = Follower(hub.service_url, token)
    following = asyncio.create_task(follower.run())
    async with ZoeClient(hub.service_url, token) as zoe:
        execution = await zoe.submit(Submit(zapp="ticks"))
        await until(lambda: _all_saw([follower], execution.id), "its events", services.log)
        assert follower.breaks == 0
        await zoe.terminate(execution.id)
        await zoe.wait(execution.id, lambda view: view.state.ended)
    following.cancel()


@pytest.mark.parametrize("deed", [signal.SIGKILL, signal.SIGSTOP])
async def test_users_go_on_when_the_leader_is_gone(both: tuple[RealHub, Services], deed: signal.Signals) -> None:
    hub, services = both
    leader = 1 if await _is(services, 1, "open") else 2
    await hub.api("POST", "/users/alice")
    token = await hub.user_token("alice")
    # As notebook servers do: at the address that `configure` was told. Requests of one client go to both in turn.
    followers = [Follower(services.proxy, token, silence=None) for _ in range(4)]
    following = [asyncio.create_task(follower.run()) for follower in followers]
    async with ZoeClient(services.proxy, token) as zoe:
        before = await zoe.submit(Submit(zapp="ticks"))
        await zoe.wait(before.id, lambda view: view.state is ExecutionState.RUNNING)
        await until(lambda: _all_saw(followers, before.id), "events of the first", services.log)
        services.signal(leader, deed)
        after = await zoe.submit(Submit(zapp="ticks"))
        await zoe.wait(after.id, lambda view: view.state is ExecutionState.RUNNING)
        await until(lambda: _all_saw(followers, after.id), "events of the second", services.log)
        for follower in followers:
            seen = [event.seq for event in follower.events]
            assert seen == sorted(set(seen))
        assert any(follower.breaks for follower in followers)
        for execution in (before, after):
            await zoe.terminate(execution.id)
            await zoe.wait(execution.id, lambda view: view.state.ended)
    for task in following:
        task.cancel()
    services.again(leader)
    await until(lambda: _is(services, leader, "standby"), "the old leader to stand by", services.log)


async def _all_saw(followers: list[Follower], execution: str) -> bool:
    return all(_runs(follower, execution) for follower in followers)


def _runs(follower: Follower, execution: str) -> bool:
    return any(e.execution == execution and e.data.get("after") == "running" for e in follower.events)
