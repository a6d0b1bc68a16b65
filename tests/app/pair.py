"""Two real services on one database and one home folder, with something to do.

Nothing but the services is real: a small Hub knows tokens, and instances write a line into a ledger and sleep.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.chaos.follower import Follower
from tests.chaos.hub import PREFIX, SmallHub, token_of
from tests.chaos.services import Service

WITHIN = 60.0
"""Seconds after which waiting is given up. How long a change of leaders takes is printed, not asserted."""

_FRAMEWORK = """
apiVersion: zoe/v1
kind: Framework
name: tick
title: Tick
processes:
  - name: main
    command:
      - ${{python}}
      - "-ISEc"
      - "import time; open({ledger!r}, 'a').write('${{execution.id}} ${{self.ordinal}} '); time.sleep(1000)"
    instances: {{core: 2}}
    resources: {{cpu: 0.01, memory: 1 MiB}}
"""
_ZAPP = """
apiVersion: zoe/v1
kind: ZApp
name: ticks
title: Ticks
frameworks: [{framework: tick}]
"""
_CONFIGURATION = """
c.ZoeConfig.folders = [{shop!r}]
c.ZoeConfig.database = {database!r}
c.ZoeConfig.cpus = 100
c.ZoeConfig.memory = "64 GiB"
c.ZoeConfig.max_executions = 10_000
c.ZoeConfig.request_rate = 1_000_000
c.ZoeConfig.request_burst = 1_000_000
c.ZoeConfig.lease = {lease!r}
c.ZoeConfig.lease_renewal = {lease!r} / 4
"""


@dataclass
class Member:
    """One of the two."""

    service: Service
    port: int
    follower: Follower
    following: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PREFIX}"


@dataclass
class Pair:
    """`one` leads at first. `http` is a caller, alice."""

    members: list[Member]
    ledger: Path
    http: httpx.AsyncClient
    submitted: dict[str, set[str]] = field(default_factory=dict)
    """Identifiers that were answered, by idempotency key: more than one would be one too many."""

    async def role(self, member: Member) -> str | None:
        """What a service says of itself; None when it does not answer."""
        with suppress(httpx.TransportError):
            return str((await self.http.get(f"{member.url}ready", timeout=2)).json()["role"])
        return None

    async def until_role(self, member: Member, role: str) -> float:
        """Seconds until it is so."""
        begun = time.monotonic()

        async def so() -> bool:
            return await self.role(member) == role

        await until(so, f"{role} at {member.url}", lambda: member.service.log.read_text()[-3000:])
        return time.monotonic() - begun

    async def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Through either service, as a balancer does: the one that answers, in turn."""
        end = time.monotonic() + WITHIN
        while True:
            for member in self.members:
                with suppress(httpx.TransportError):
                    answer = await self.http.request(method, f"{member.url}api/v1{path}", timeout=2, **more)
                    if answer.status_code < 500:
                        return answer
            assert time.monotonic() < end, f"no service answers {method} {path}"
            await asyncio.sleep(0.1)

    async def submit(self, key: str) -> None:
        """One execution; asks twice, so that a service that dies in between may be the second."""
        self.members.reverse()
        for _ in range(2):
            answer = await self.request("POST", "/executions", json={"zapp": "ticks"}, headers={"Idempotency-Key": key})
            assert answer.status_code in (200, 202), answer.text
            self.submitted.setdefault(key, set()).add(answer.json()["id"])

    async def states(self) -> Counter[str]:
        answer = await self.request("GET", "/executions")
        return Counter(execution["state"] for execution in answer.json()["executions"])

    async def until_states(self, state: str) -> None:
        """Wait until all that were submitted are in a state."""

        async def so() -> bool:
            return await self.states() == Counter({state: len(self.submitted)})

        await until(so, f"all {state}", self.states)

    def starts(self) -> Counter[tuple[str, str]]:
        """How often each instance was started: by execution and ordinal."""
        words = self.ledger.read_text().split() if self.ledger.exists() else []
        return Counter(zip(words[::2], words[1::2], strict=True))


async def until(condition: Callable[[], Awaitable[bool]], what: str, tell: Callable[[], Any] | None = None) -> None:
    end = time.monotonic() + WITHIN
    while not await condition():
        if time.monotonic() > end:
            said = tell() if tell else ""
            raise AssertionError(f"still waiting: {what}: {await said if isinstance(said, Awaitable) else said}")
        await asyncio.sleep(0.05)


@asynccontextmanager
async def pair(folder: Path, databases: tuple[str, str], *, lease: float = 3.0) -> AsyncIterator[Pair]:
    """Two services; the first leads and both answer. `databases` is the address of the one database, for each."""
    home, shop, ledger = folder / "home", folder / "shop", folder / "ledger"
    for name, content in (
        ("tick/framework.yaml", _FRAMEWORK.format(ledger=str(ledger))),
        ("zapps/ticks.yaml", _ZAPP),
    ):
        (shop / name).parent.mkdir(parents=True, exist_ok=True)
        (shop / name).write_text(content)
    with SmallHub() as hub:
        members = []
        for number, database in enumerate(databases):
            own = folder / f"service-{number}"
            own.mkdir()
            (own / "zoe_config.py").write_text(_CONFIGURATION.format(shop=str(shop), database=database, lease=lease))
            port = _free_port()
            service = Service(own, hub.environment(home, port))
            url = f"http://127.0.0.1:{port}{PREFIX}"
            members.append(Member(service, port, Follower(url, token_of("alice"))))
        headers = {"Authorization": f"token {token_of('alice')}"}
        async with httpx.AsyncClient(headers=headers, trust_env=False) as http:
            both = Pair(list(members), ledger, http)
            try:
                for member, role in zip(members, ("open", "standby"), strict=True):
                    member.service.start()
                    await both.until_role(member, role)
                    member.following = asyncio.create_task(member.follower.run())
                yield both
            finally:
                for member in members:
                    if member.following is not None:
                        member.following.cancel()
                await asyncio.gather(*(m.following for m in members if m.following), return_exceptions=True)
                await _end_all(members, both)


async def _end_all(members: list[Member], both: Pair) -> None:
    with suppress(AssertionError):
        if any(member.service.alive for member in members):
            for member in members:
                member.service.signal(signal.SIGCONT)
            for execution in (await both.request("GET", "/executions?live=true")).json()["executions"]:
                await both.request("DELETE", f"/executions/{execution['id']}")
            await both.until_states("terminated")
    for member in members:
        await member.service.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
