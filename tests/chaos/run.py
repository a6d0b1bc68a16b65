"""One run: the load of a plan, its kills, and what is found afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from zoe_hub.model.events import Event
from zoe_hub.model.execution import Execution
from zoe_hub.store.sql import SQLStore

from . import checks
from .follower import Follower
from .hub import SmallHub, token_of
from .load import Load
from .plan import CAPACITY, POINTS, Kill, Kind, Plan, Round
from .processes import Found, look
from .services import Service, until

SHOP = Path(__file__).parent / "shop"
SETTLES_WITHIN = 60.0
"""Seconds that everything has to come where it was wished, after the last kill."""
LEASE = 2.0
"""Seconds for which a service leads without saying so again: short, or most kills would meet none that leads; long
enough for a disk that takes a third of a second to keep a commit."""
_MOST_WISHES = 12
"""Wishes under way at which the storm makes a pause."""
_POINT_WITHIN = 1.5
"""Seconds in which the service comes to the point at which it dies; then it is killed all the same."""


@dataclass
class Outcome:
    """What came of one run."""

    seed: str
    rounds: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    tried_again: int = 0
    executions: Counter[str] = field(default_factory=Counter)
    started: int = 0
    events: int = 0
    settled_in: float = 0.0
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)


class Run:
    """Everything of one run, below `folder`."""

    def __init__(self, folder: Path, plan: Plan, say: Callable[[str], None] = lambda _: None) -> None:
        self.folder = folder
        self.plan = plan
        self.outcome = Outcome(plan.seed)
        self._say = say
        self._actions: set[asyncio.Task[None]] = set()

    async def run(self) -> Outcome:
        """Raises what is wrong with the tests themselves; what is wrong with Zoe is in the outcome."""
        begin = time.monotonic()
        with SmallHub() as hub:
            self._prepare()
            names = ("service", "other")[: self.plan.services]
            self.services = [
                Service(self.folder, hub.environment(self.folder / "home", _free_port()), name=name) for name in names
            ]
            self.home = self.services[0].home
            self.instances = self.home / "data" / "instances"
            urls = [service.url for service in self.services]
            self.load = Load(urls, self.plan.seed)
            self.follower = Follower(urls[-1], token_of("zoe"), owner="*")
            following = asyncio.create_task(self.follower.run())
            try:
                await self._storm()
                await self._calm()
            finally:
                following.cancel()
                for task in self._actions:
                    task.cancel()
                await asyncio.gather(following, *self._actions, return_exceptions=True)
                await self.load.close()
                await self._clear()
        self.outcome.seconds = time.monotonic() - begin
        return self.outcome

    def _prepare(self) -> None:
        shutil.copytree(SHOP, self.folder / "shop", ignore=shutil.ignore_patterns("__pycache__"))
        # Where the processes of the load find them: two folders above their program.
        (self.folder / "locks").mkdir()
        (self.folder / "zoe_config.py").write_text(
            f"c.ZoeConfig.folders = [{str(self.folder / 'shop')!r}]\n"
            f"c.ZoeConfig.cpus = {CAPACITY}\nc.ZoeConfig.memory = '1 GiB'\nc.ZoeConfig.round_interval = 1.0\n"
            f"c.ZoeConfig.lease = {LEASE}\nc.ZoeConfig.lease_renewal = {LEASE / 4}\n"
        )

    async def _storm(self) -> None:
        for number, round_ in enumerate(self.plan.rounds):
            self._start_missing(self.plan.death(number))
            await self._begin(round_)
            await self._let_clients_catch_up()
            if not round_.kill.early and round_.kill.kind not in POINTS:
                await self.services[0].answers()
            await asyncio.sleep(round_.kill.after)
            await self._kill(round_.kill)
            self.outcome.rounds += 1
            if number % 25 == 24:
                self._say(f"  {number + 1} of {len(self.plan.rounds)} kills, {len(self._actions)} wishes under way")

    async def _begin(self, round_: Round) -> None:
        for action in round_.actions:
            task = asyncio.create_task(self.load.do(action))
            self._actions.add(task)
            task.add_done_callback(self._done)
            # One after the other in the order of the plan, each begun before the next.
            await asyncio.sleep(0)

    def _start_missing(self, death: Kill | None) -> None:
        for service in self.services:
            if not service.alive:
                service.start_fast(death)
                death = None

    async def _let_clients_catch_up(self) -> None:
        """On a slow machine, services would be killed before they answer anybody."""
        if len(self._actions) > _MOST_WISHES:
            while len(self._actions) > _MOST_WISHES // 2:
                self._start_missing(None)
                await asyncio.sleep(0.05)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._actions.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.outcome.violations.append(f"a client failed: {type(error).__name__}: {error}")

    async def _kill(self, kill: Kill) -> None:
        kind = kill.kind.value
        if kill.kind in POINTS:
            if await until(lambda: not all(service.alive for service in self.services), _POINT_WITHIN):
                kind = f"{kind}, {kill.moment}"
            else:
                kind = f"{Kind.SERVICE.value} (its point did not come)"
                await (await self._victim(kill)).kill()
        elif kill.kind is Kind.SERVICE:
            await (await self._victim(kill)).kill()
        elif kill.kind is Kind.PAUSE:
            victim = await self._victim(kill)
            victim.signal(signal.SIGSTOP)
            await asyncio.sleep(0.5 if len(self.services) == 1 else 3 * LEASE)
            victim.signal(signal.SIGCONT)
        else:
            await until(lambda: bool(self._choose(kill)), 0.5)
            chosen = self._choose(kill)
            if not chosen:
                kind = "nothing (no process was there)"
            if kill.kind is Kind.ALL:
                await (await self._victim(kill)).kill()
            for found in chosen:
                with suppress(ProcessLookupError):
                    os.kill(found.pid, signal.SIGKILL)
        self.outcome.kills[kind] += 1

    async def _victim(self, kill: Kill) -> Service:
        """The service; of two, three times of four the one that leads."""
        if len(self.services) == 1:
            return self.services[0]
        leaders = [service for service in self.services if service.alive and await service.leads()]
        others = [service for service in self.services if service not in leaders]
        first, second = (others, leaders) if kill.place % 4 == 0 else (leaders, others)
        return (first or second)[0]

    def _choose(self, kill: Kill) -> list[Found]:
        found = look(self.folder)
        if kill.kind in (Kind.INSTANCE, Kind.SHIM):
            program = "shim" if kill.kind is Kind.SHIM else "member"
            found = [process for process in found if process.program == program]
            return [found[kill.place % len(found)]] if found else []
        part = 3 if kill.kind is Kind.BOTH else 1
        places = sorted({"/".join(process.place.split("/")[:part]) for process in found})
        if not places:
            return []
        place = places[kill.place % len(places)]
        return [process for process in found if f"{process.place}/".startswith(f"{place}/")]

    async def _calm(self) -> None:
        await self._all_are_answered()
        # What it comes to is a matter of the program as it is delivered.
        for service in self.services:
            await service.stop()
            service.start()
        for action in self.plan.calm:
            await self.load.do(action)
        begin = time.monotonic()
        # The first look is not at once: what is settled must also stay so.
        await self._until_settled()
        self.outcome.settled_in = time.monotonic() - begin
        self._say(f"  settled after {self.outcome.settled_in:.1f} s")
        await self._check()
        await self._end_all()

    async def _all_are_answered(self) -> None:
        """A service that did not come to the point of its death in the storm may come to it now."""
        self._start_missing(None)
        while self._actions:
            await asyncio.wait(self._actions, timeout=0.1)
            self._start_missing(None)

    async def _until_settled(self) -> None:
        deadline = time.monotonic() + SETTLES_WITHIN
        while True:
            executions, _ = await self._stored()
            problems = list(checks.unsettled(self.load.wished, {e.id: e for e in executions}))
            problems += checks.processes(self.folder, executions)
            problems += checks.folders(self.instances, executions)
            if not problems or not all(service.alive for service in self.services):
                break
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(0.25)
        self.outcome.violations += problems
        if not all(service.alive for service in self.services):
            self.outcome.violations.append("a service ended by itself")

    async def _check(self) -> None:
        executions, events = await self._stored()
        database = checks.Database(self.home / "data" / "zoe.sqlite")
        found = self.outcome.violations
        found += checks.keys(self.load.wished, database)
        found += checks.ledger(self.folder / "ledger")
        found += checks.sums(events, executions)
        found += await self._ports(executions)
        await self._follower_catches_up(events)
        found += checks.stream([event for event in self.follower.events if event.seq <= len(events)], events)

    async def _ports(self, executions: Sequence[Execution]) -> list[str]:
        """What is wrong with the ports that the back end keeps; asked of a service of the tests, which can say it."""
        for service in self.services:
            await service.stop()
        first, path = self.services[0], self.home / "ports.json"
        first.start_fast(None)
        problems = ["no service came to say which ports it keeps"]
        deadline = time.monotonic() + SETTLES_WITHIN
        while problems and time.monotonic() < deadline:
            # It leads before it knows what runs.
            if await first.leads():
                path.unlink(missing_ok=True)
                first.signal(signal.SIGUSR1)
                if await until(path.exists, 10):
                    problems = list(checks.ports(json.loads(path.read_text()), executions))
            await asyncio.sleep(0.1)
        self._start_missing(None)
        return problems

    async def _follower_catches_up(self, events: list[Event]) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if self.follower.events and self.follower.events[-1].seq >= len(events):
                return
            await asyncio.sleep(0.1)

    async def _end_all(self) -> None:
        """Everybody terminates all that is theirs; nothing must be left."""
        executions, _ = await self._stored()
        for execution in executions:
            if not execution.state.ended:
                await self.load.clients[execution.owner].terminate(execution.id)
        deadline = time.monotonic() + SETTLES_WITHIN
        while True:
            executions, events = await self._stored()
            left = [f"{e.name} ({e.id}) does not end" for e in executions if not e.state.ended]
            left += checks.nothing_left(self.folder, self.instances)
            if not left or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.1)
        found = self.outcome.violations
        found += left
        found += checks.sums(events, executions)
        found += checks.ledger(self.folder / "ledger")
        for service in self.services:
            found += checks.log(service.log)
        found += self.load.violations
        self.outcome.violations = list(dict.fromkeys(found))
        self.outcome.accepted = self.load.accepted
        self.outcome.refused = self.load.refused
        self.outcome.tried_again = self.load.tried_again
        self.outcome.executions = Counter(execution.state.value for execution in executions)
        self.outcome.events = len(events)
        self.outcome.started = checks.starts(self.folder / "ledger")

    async def _stored(self) -> tuple[list[Execution], list[Event]]:
        store = SQLStore(f"sqlite:///{self.home / 'data' / 'zoe.sqlite'}")
        await store.open()
        try:
            return list(await store.list(limit=None)), list(await store.events(limit=10**7))
        finally:
            await store.close()

    async def _clear(self) -> None:
        for service in self.services:
            await service.stop()
        for found in look(self.folder):
            with suppress(ProcessLookupError):
                os.kill(found.pid, signal.SIGKILL)


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
