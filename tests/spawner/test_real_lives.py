"""On a real JupyterHub: what is tied to a server that vanishes ends, whoever says so or nobody."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator

import psutil
import pytest
import pytest_asyncio

from zoe_hub.model.commands import Submit
from zoe_hub.model.execution import Attachment, ExecutionState

from .hub import RealHub
from .waiting import until

pytestmark = [pytest.mark.hub, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

FRAMEWORK = """
apiVersion: zoe/v1
kind: Framework
name: companion
title: Companion
processes: [{name: main, command: [sleep, "1000"], restart: {policy: never}}]
"""
ZAPP = """
apiVersion: zoe/v1
kind: ZApp
name: alone
title: Alone
frameworks: [{framework: companion}]
"""
SETTINGS = """
c = get_config()
c.ZoeConfig.folders = [%r]
c.ZoeConfig.server_interval = 0.5
c.ZoeConfig.server_patience = 3
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory, proxy: str, hub_python: str) -> AsyncIterator[RealHub]:
    folder = tmp_path_factory.mktemp("hub")
    (folder / "shop" / "companion").mkdir(parents=True)
    (folder / "shop" / "zapps").mkdir()
    (folder / "shop" / "companion" / "framework.yaml").write_text(FRAMEWORK)
    (folder / "shop" / "zapps" / "alone.yaml").write_text(ZAPP)
    (folder / "zoe_config.py").write_text(SETTINGS % str(folder / "shop"))
    settings = {"ZOE_CONFIG_FILE": str(folder / "zoe_config.py")}
    late = "c.Spawner.poll_interval = 1"
    async with RealHub(folder, python=hub_python, environment=settings, late=late) as hub:
        yield hub
    assert not hub.processes()


async def start(hub: RealHub, owner: str, attachment: Attachment | None) -> str:
    async with hub.zoe() as zoe:
        view = await zoe.submit(Submit(zapp="alone", owner=owner, attachment=attachment))
        await zoe.wait(view.id, lambda now: now.state is ExecutionState.RUNNING, timeout=60)
    return view.id


async def ends(hub: RealHub, execution: str) -> str:
    """Return when it has ended, with the reason."""

    async def ended() -> bool:
        async with hub.zoe() as zoe:
            return (await zoe.execution(execution)).state is ExecutionState.TERMINATED

    await until(ended, interval=0.2)
    async with hub.zoe() as zoe:
        return (await zoe.execution(execution)).reason


async def test_of_a_server_that_the_hub_does_not_know_nothing_stays(hub: RealHub) -> None:
    (await hub.api("POST", "/users/alice")).raise_for_status()
    detached = await start(hub, "alice", None)
    tied = await start(hub, "alice", Attachment(server="alice/", kernel="k1"))
    assert await ends(hub, tied) == "its notebook server is gone"
    async with hub.zoe() as zoe:
        assert (await zoe.execution(detached)).state is ExecutionState.RUNNING
    (await hub.api("DELETE", "/users/alice")).raise_for_status()
    await ends(hub, detached)


async def test_a_killed_server_takes_what_is_tied_to_it_along(hub: RealHub) -> None:
    await hub.login("bob")
    await hub.start_server("bob")
    tied = await start(hub, "bob", Attachment(server="bob/", kernel="k1"))
    outliving = await start(hub, "bob", Attachment(server="bob/", kernel="k1", outlive=True))
    for process in hub.processes():
        if any("singleuser" in word for word in process.cmdline()) and _user(process) == "bob":
            os.kill(process.pid, signal.SIGKILL)
    assert await ends(hub, tied) in ("its notebook server ended", "its notebook server is gone")
    async with hub.zoe() as zoe:
        assert (await zoe.execution(outliving)).state is ExecutionState.RUNNING
        await zoe.terminate(outliving)


def _user(process: psutil.Process) -> str:
    environment: dict[str, str] = process.environ()
    return environment.get("JUPYTERHUB_USER", "")
