"""One instance: brings it up, waits for its end, takes it down."""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import shutil
import signal
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from ...model.errors import InvalidDocument, LaunchFailed
from ...model.framework import Drain, Shutdown
from ...model.plan import ProcessPlan
from .. import note
from ..base import Order
from ..files import InstanceFolder, Record, make_folder
from ..instances import End, Instance, Tell
from ..launch import Launch, bind
from ..output import excerpt
from ..readiness import Pace
from ..replicas import Replica
from ..terms import Term
from .environment import make_environment
from .leftovers import Leftovers
from .ports import Ports, is_free, is_served
from .run import Exit, Run
from .settings import LocalSettings

NOT_INSTALLED = 78
"""Exit status of a program that lacks something on this machine (EX_CONFIG): another start would fail as well."""


@dataclass(frozen=True)
class Machine:
    """What all instances share."""

    settings: LocalSettings
    term: Term
    ports: Ports = field(default_factory=Ports)
    leftovers: Leftovers = field(default_factory=Leftovers)
    pace: Pace = field(default_factory=Pace)

    def make(self, execution: str, process: str, folder: InstanceFolder, record: Record) -> Instance:
        return LocalInstance(self, execution, process, folder, record)

    def last_run(self, execution: str, process: str, ordinal: int, folder: InstanceFolder) -> int:
        return folder.last_run()


class LocalInstance(Instance):
    """An instance on this machine, through all its restarts."""

    def __init__(self, machine: Machine, execution: str, process: str, folder: InstanceFolder, record: Record) -> None:
        super().__init__(execution, process, folder, record)
        self.machine = machine
        self.run: Run | None = Run(folder.run(record.run)) if record.run else None
        self._secrets: frozenset[str] | None = None
        self._program = ""
        self._launched = asyncio.Event()
        self._launched.set()
        machine.ports.keep(record.ports.values())

    @property
    def host(self) -> str | None:
        return self.machine.settings.host if self.record.started else None

    @property
    def mark(self) -> str:
        """In the environment of everything that its last start began."""
        return f"{self.execution}/{self.process}/{self.record.replica.ordinal}/{self.record.token}"

    def expect_start(self) -> None:
        self._launched.clear()
        # A folder without a number in the record is of a start that nobody wrote down.
        self.record.run = max(self.record.run, self.folder.last_run()) + 1
        self.record.token = secrets.token_hex(8)
        self.run = Run(self.folder.run(self.record.run))

    def start_over(self) -> None:
        self._launched.set()

    def prepare(self, order: Order, replica: Replica) -> Launch:
        """Choose its ports and write down that it is about to start.

        Raises InvalidDocument, LaunchFailed, OSError.
        """
        template = order.template
        _check_signals(template)
        record = self.record
        names = [port.name for port in template.ports]
        # A port that another program took meanwhile is replaced. Where others know the ports, they are kept otherwise.
        taken = any(is_served(n) if replica.was_ready else not is_free(n) for n in record.ports.values())
        if taken or set(record.ports) != set(names):
            self.machine.ports.give_back(record.ports.values())
            record.ports = self.machine.ports.take(names)
        record.addresses = dict(order.addresses)
        record.started = datetime.now(timezone.utc)
        record.replica = replica
        self.folder.save(record)
        return self.bound(template)

    def bound(self, template: ProcessPlan) -> Launch:
        settings, record = self.machine.settings, self.record
        launch = bind(
            template,
            {
                "self.host": settings.host,
                "self.ordinal": str(record.replica.ordinal),
                "self.folder": str(self.folder.for_program),
                "framework.folder": str(settings.framework_folder(template.framework)),
                "cache": str(settings.cache_folder / template.framework),
                "python": settings.python,
                **{f"self.port.{name}": str(number) for name, number in record.ports.items()},
            },
        )
        self._secrets = launch.secrets
        self._program = launch.command[0] if launch.command else ""
        return launch

    async def start(self, order: Order, replica: Replica, tell: Tell) -> None:
        launch = self.prepare(order, replica)
        assert self.run is not None
        if not launch.command:
            raise LaunchFailed(f"{self.process} has no command")
        await self._clear_for_start()
        launch.write_files(self.folder.scratch)
        make_folder(self.folder.scratch / "tmp")
        make_folder(self.folder.log.parent)
        environment = make_environment(
            os.environ,
            launch.environment,
            python=self.machine.settings.python,
            temporary=self.folder.for_program / "tmp",
            mark=self.mark,
        )
        await self.run.start(launch.command, environment, self.folder.for_program, self.folder.log_for_program)

    async def begun(self) -> bool:
        assert self.run is not None, "an instance that may be present has a run"
        return await self.run.begun() is not None

    def is_up(self) -> bool:
        identity = self.run.identity() if self.run is not None else None
        return identity is not None and identity.is_alive() and self.run is not None and not self.run.is_hopeless()

    async def ended(self) -> End:
        assert self.run is not None
        result = await self.run.ended()
        identity = self.run.identity()
        if identity is not None:
            await self.machine.leftovers.end(identity, self.mark)
        if not result.begun:
            return End(result.code, "it could not be started: its supervisor was killed")
        return End(result.code, *self.explain(result))

    async def settled(self) -> None:
        # The record of a run is deleted when the next one starts.
        pass

    async def take_down(self, life: asyncio.Future[None], shutdown: Shutdown, drain: Drain | None) -> None:
        await self._launched.wait()
        identity = await self.run.begun() if self.run is not None and not life.done() else None
        # A service that is stopped between a check and its signal sends it when it goes on. It goes to this run and
        # no other, and ends it as any accident would: the service that leads then starts it again where it wants it.
        if identity is not None:
            if drain is not None:
                self.machine.term.check()
                identity.send(_signal(drain.signal))
                await asyncio.wait({life}, timeout=drain.timeout)
            if not life.done():
                self.machine.term.check()
                identity.send_group(_signal(shutdown.signal))
                await asyncio.wait({life}, timeout=shutdown.grace)
            if not life.done():
                self.machine.term.check()
                identity.send_group(signal.SIGKILL)
        await asyncio.wait({life})

    def release(self) -> None:
        self.machine.ports.give_back(self.record.ports.values())
        self.record.ports = {}

    def last_words(self) -> str:
        return "" if self._secrets is None else excerpt(self.folder.log, self._secrets)

    async def note(self, name: str) -> str:
        return "" if self._secrets is None else note.read(self.folder.scratch / name, self._secrets)

    def explain(self, result: Exit) -> tuple[str, bool]:
        """What there is to say beyond its status, and whether another start would fail as well."""
        if result.error is None:
            if result.code == NOT_INSTALLED:
                return "something that it needs is missing on this machine; its log says what", True
            return "", False
        program = self._program or "of its command"
        said = {
            errno.ENOENT: f"the program {program} was not found",
            errno.EACCES: f"the program {program} may not be executed by this user",
            errno.ENOEXEC: f"the file {program} is no program",
        }
        if result.error in said:
            return said[result.error], True
        return f"the program {program} could not be started: {os.strerror(result.error)}", False

    async def _clear_for_start(self) -> None:
        """Delete what earlier runs left and nobody needs: their records and temporary files."""
        old = [path for path in self.folder.path.glob("run-*") if path.name != f"run-{self.record.run}"]
        temporary = self.folder.scratch / "tmp"
        if temporary.exists():
            # Deleting may take long, and may go on after this service: out of the way of the next run first.
            temporary.rename(self.folder.path / f"old-{self.record.run}")
        old += self.folder.path.glob("old-*")
        if old:
            await asyncio.to_thread(_delete, old)


def _delete(folders: Iterable[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _check_signals(template: ProcessPlan) -> None:
    shutdown = template.shutdown
    for name in [shutdown.signal, *([shutdown.drain.signal] if shutdown.drain else [])]:
        if name not in signal.Signals.__members__:
            raise InvalidDocument(f"{template.key}: this machine knows no signal {name}")


def _signal(name: str) -> signal.Signals:
    return signal.Signals.__members__.get(name, signal.SIGTERM)
