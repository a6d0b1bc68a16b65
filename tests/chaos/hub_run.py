"""The larger form: a real Hub, its proxy, user servers and the service that it starts, all of which are killed."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import psutil

from tests.spawner.hub import RealHub
from zoe_hub.client import ZoeClient
from zoe_hub.model.commands import Submit
from zoe_hub.model.errors import ServiceUnavailable
from zoe_hub.model.execution import Attachment, Execution, ExecutionState
from zoe_hub.store.sql import SQLStore

from . import checks
from .hub import OWNERS
from .hub_plan import HubKind, HubRound
from .processes import look
from .run import SETTLES_WITHIN, SHOP, Outcome

T = TypeVar("T")

_BACK_WITHIN = 60.0
"""Seconds within which the service is back, whoever has to start it."""
_MOST = 2
"""Clusters that one user keeps; earlier ones are terminated."""


@dataclass
class _Cluster:
    owner: str
    key: str
    identifier: str
    workers: int
    attached: bool
    wanted: bool = True


@dataclass
class HubRun:
    """Everything of one run, below `folder`."""

    folder: Path
    seed: str
    rounds: tuple[HubRound, ...]
    say: Callable[[str], None] = lambda _: None
    clusters: list[_Cluster] = field(default_factory=list)
    servers: set[str] = field(default_factory=set)
    """Users whose server should run."""

    async def run(self) -> Outcome:
        """Raises what is wrong with the tests themselves; what is wrong with Zoe is in the outcome."""
        begin = time.monotonic()
        self.outcome = Outcome(self.seed)
        shutil.copytree(SHOP, self.folder / "shop", ignore=shutil.ignore_patterns("__pycache__"))
        (self.folder / "locks").mkdir()
        configuration = self.folder / "zoe_config.py"
        configuration.write_text(
            f"c.ZoeConfig.folders = [{str(self.folder / 'shop')!r}]\nc.ZoeConfig.cpus = 24\n"
            "c.ZoeConfig.round_interval = 1.0\n"
        )
        early = "c.Spawner.poll_interval = 2\nc.ConfigurableHTTPProxy.check_running_interval = 2\n"
        self.hub = RealHub(self.folder / "hub", early=early, environment={"ZOE_CONFIG_FILE": str(configuration)})
        async with self.hub:
            self.instances = self.hub.home / "data" / "instances"
            for number, round_ in enumerate(self.rounds):
                await self._wish(number, round_)
                await asyncio.sleep(round_.after)
                await self._kill(round_)
                self.outcome.rounds += 1
                self.say(f"  {number + 1} of {len(self.rounds)} kills around a Hub ({round_.kind.value})")
            await self._check()
        left = [" ".join(process.cmdline()) for process in self.hub.processes()]
        self.outcome.violations += [f"{words} was left" for words in left]
        self.outcome.seconds = time.monotonic() - begin
        return self.outcome

    # Wishes

    async def _wish(self, number: int, round_: HubRound) -> None:
        owner = round_.owner
        await self._hub_answers()
        if owner not in self.servers or not (await self.hub.server(owner)).get("ready"):
            await self._server_runs(owner)
        key = f"{self.seed}-{number}"
        submit = Submit(
            zapp="cells",
            parameters={"workers": round_.workers},
            attachment=Attachment(server=f"{owner}/", kernel=f"kernel-{number}"),
            owner=owner,
        )
        view = await self._patiently("submit", lambda zoe: zoe.submit(submit, idempotency_key=key))
        cluster = _Cluster(owner, key, view.id, round_.workers, attached=True)
        self.clusters.append(cluster)
        if round_.detached:
            await self._patiently("detach", lambda zoe: zoe.detach(view.id))
            cluster.attached = False
        mine = [c for c in self.clusters if c.owner == owner and c.wanted]
        for earlier in mine[:-_MOST]:
            identifier = earlier.identifier
            await self._patiently("terminate", partial(_terminate, identifier))
            earlier.wanted = False

    async def _hub_answers(self) -> None:
        """As whoever operates the hub does. A Hub that gave up its own proxy as too slow is started again."""
        try:
            await self.hub.start()
        except TimeoutError:
            self.outcome.kills["the Hub, which had lost its proxy (not by us)"] += 1
            await self.hub.restart()

    async def _server_runs(self, owner: str) -> None:
        """The Hub may still have to find out that its server was killed."""
        deadline = time.monotonic() + _BACK_WITHIN
        while True:
            answer = await self.hub.start_server(owner)
            ready = (await self.hub.server(owner)).get("ready")
            # Who attaches to a server that the Hub takes for alive ends with it: no notebook can do that.
            if ready and self._servers_of(owner):
                self.servers.add(owner)
                self.outcome.accepted["start server"] += 1
                return
            if time.monotonic() > deadline:
                self.outcome.violations.append(f"the server of {owner} does not start: {answer.text[:300]}")
                return
            await asyncio.sleep(0.5)

    async def _patiently(self, verb: str, call: Callable[[ZoeClient], Awaitable[T]]) -> T:
        deadline = time.monotonic() + _BACK_WITHIN
        while True:
            try:
                async with self.hub.zoe() as zoe:
                    answer = await call(zoe)
            except ServiceUnavailable:
                self.outcome.tried_again += 1
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.2)
            else:
                self.outcome.accepted[verb] += 1
                return answer

    # Kills

    async def _kill(self, round_: HubRound) -> None:
        kind = round_.kind
        if kind is HubKind.HUB:
            await self.hub.kill_hub()
        elif kind is HubKind.PROXY:
            self._end(self._processes("configurable-http-proxy"))
        elif kind is HubKind.SERVICE:
            self._end(self._processes("zoe_hub"))
        elif kind is HubKind.SERVER:
            self._end(self._servers_of(round_.owner))
            self.servers.discard(round_.owner)
            for cluster in self.clusters:
                if cluster.owner == round_.owner and cluster.attached:
                    cluster.wanted = False
        else:
            members = [found for found in look(self.folder) if found.program == "member"]
            if members:
                with suppress(ProcessLookupError):
                    os.kill(members[round_.place % len(members)].pid, signal.SIGKILL)
        self.outcome.kills[kind.value] += 1

    def _processes(self, word: str) -> list[psutil.Process]:
        return [p for p in self.hub.processes() if any(word in part for part in _words(p)[:3])]

    def _servers_of(self, owner: str) -> list[psutil.Process]:
        found = []
        for process in self._processes("jupyterhub-singleuser"):
            with suppress(psutil.Error):
                if process.environ().get("JUPYTERHUB_USER") == owner:
                    found.append(process)
        return found

    @staticmethod
    def _end(processes: list[psutil.Process]) -> None:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, 5)

    # What became of everything

    async def _check(self) -> None:
        await self._hub_answers()
        begin = time.monotonic()
        while True:
            executions = await self._stored()
            problems = [*self._unsettled(executions), *await self._servers_differ()]
            # User servers are the spawner's, not the back end's.
            ours = [execution for execution in executions if execution.plan.server is None]
            problems += checks.processes(self.folder, ours)
            problems += checks.folders(self.instances, ours)
            if not problems or time.monotonic() - begin > 2 * SETTLES_WITHIN:
                break
            await asyncio.sleep(0.5)
        self.outcome.settled_in = time.monotonic() - begin
        found = self.outcome.violations
        found += problems
        found += checks.ledger(self.folder / "ledger")
        for owner in sorted(self.servers):
            await self.hub.stop_server(owner)
        for execution in executions:
            if not execution.state.ended and execution.plan.server is None:
                identifier = execution.id
                await self._patiently("terminate", partial(_terminate, identifier))
        begin = time.monotonic()
        while True:
            executions = await self._stored()
            left = [f"{e.name} ({e.id}) does not end" for e in executions if not e.state.ended]
            left += checks.nothing_left(self.folder, self.instances)
            if not left or time.monotonic() - begin > SETTLES_WITHIN:
                break
            await asyncio.sleep(0.2)
        found += left
        self.outcome.executions = Counter(execution.state.value for execution in executions)
        self.outcome.started = checks.starts(self.folder / "ledger")

    def _unsettled(self, executions: list[Execution]) -> list[str]:
        by_id = {execution.id: execution for execution in executions}
        found = []
        for cluster in self.clusters:
            execution = by_id.get(cluster.identifier)
            if execution is None:
                found.append(f"{cluster.key} was accepted as {cluster.identifier} and is not in the database")
                continue
            state = ExecutionState.RUNNING if cluster.wanted else ExecutionState.TERMINATED
            ready = sum(i.state.value == "ready" for i in execution.instances)
            if execution.state is not state:
                found.append(f"{execution.name} of {cluster.owner} is {execution.state.value}, not {state.value}")
            elif cluster.wanted and ready != 1 + cluster.workers:
                found.append(f"{execution.name} of {cluster.owner} has {ready} instances, not {1 + cluster.workers}")
            elif cluster.wanted and (execution.attachment is not None) is not cluster.attached:
                found.append(f"{execution.name} of {cluster.owner}: its attachment is {execution.attachment}")
        known = {cluster.identifier for cluster in self.clusters}
        strangers = [e for e in executions if e.id not in known and e.plan.server is None]
        return found + [f"nobody asked for {execution.name}" for execution in strangers]

    async def _servers_differ(self) -> list[str]:
        """Hub, process table and Zoe agree on which servers run, and that each does once."""
        found = []
        executions = [e for e in await self._stored() if e.plan.server is not None and not e.state.ended]
        for owner in OWNERS:
            wanted = owner in self.servers
            said = bool((await self.hub.server(owner)).get("ready"))
            running = len(self._servers_of(owner))
            live = sum(execution.owner == owner for execution in executions)
            if (said, running, live) != (wanted, int(wanted), int(wanted)):
                found.append(
                    f"the server of {owner} should {'' if wanted else 'not '}run; the Hub says {said}, {running} "
                    f"processes and {live} executions are there"
                )
        return found

    async def _stored(self) -> list[Execution]:
        store = SQLStore(self.hub.home / "data" / "zoe.sqlite")
        await store.open()
        try:
            return list(await store.list(limit=None))
        finally:
            await store.close()


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


async def _terminate(identifier: str, zoe: ZoeClient) -> None:
    await zoe.terminate(identifier)
