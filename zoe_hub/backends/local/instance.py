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
from ...model.execution import InstanceStatus
from ...model.framework import Drain, Shutdown
from ...model.plan import ProcessPlan
from ..base import Order
from ..replicas import Replica
from . import note
from .environment import make_environment
from .files import InstanceFolder, Record, make_folder
from .launch import Launch, bind
from .leftovers import Leftovers
from .output import excerpt
from .ports import Ports, is_free, is_served
from .readiness import Pace, Probe, make_probe
from .run import Exit, Run
from .settings import LocalSettings
from .terms import Term

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


class Instance:
    """An instance on this machine, through all its restarts."""

    def __init__(self, machine: Machine, execution: str, process: str, folder: InstanceFolder, record: Record) -> None:
        self.machine = machine
        self.execution = execution
        self.process = process
        self.folder = folder
        self.record = record
        self.run: Run | None = Run(folder.run(record.run)) if record.run else None
        self._secrets: frozenset[str] | None = None
        self._program = ""
        self._launched = asyncio.Event()
        self._launched.set()
        machine.ports.keep(record.ports.values())

    @property
    def mark(self) -> str:
        """In the environment of everything that its last start began."""
        return f"{self.execution}/{self.process}/{self.record.replica.ordinal}/{self.record.token}"

    def status(self, replica: Replica) -> InstanceStatus:
        """What there is to report."""
        return InstanceStatus(
            execution=self.execution,
            process=self.process,
            ordinal=replica.ordinal,
            state=replica.state,
            host=self.machine.settings.host if self.record.started else None,
            ports=dict(self.record.ports),
            restarts=replica.restarts,
            exit_code=replica.exit_code,
            message=replica.message,
            started=self.record.started,
        )

    def expect_start(self) -> None:
        """A new run is decided, to be prepared and started: taking it down has to wait for that.

        From here on the record speaks of the new run, so that no end of an earlier one is taken for its end.
        """
        self._launched.clear()
        # A folder without a number in the record is of a start that nobody wrote down.
        self.record.run = max(self.record.run, self.folder.last_run()) + 1
        self.record.token = secrets.token_hex(8)
        self.run = Run(self.folder.run(self.record.run))

    def is_misled(self, order: Order) -> bool:
        """Whether its last start was told of an address that is another one now."""
        return any(order.addresses.get(name, value) != value for name, value in self.record.addresses.items())

    def start_over(self) -> None:
        """The expected start has happened, or will not come."""
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
        """The template with this instance's values. Raises InvalidDocument."""
        record = self.record
        launch = bind(
            template,
            self.machine.settings,
            ordinal=record.replica.ordinal,
            ports=record.ports,
            folder=self.folder.for_program,
        )
        self._secrets = launch.secrets
        self._program = launch.command[0] if launch.command else ""
        return launch

    async def start(self, launch: Launch) -> None:
        """Begin the prepared run. Raises LaunchFailed, OSError, ValueError."""
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

    def probe(self, template: ProcessPlan, launch: Launch) -> Probe | None:
        """How to ask whether it is ready; None when there is nothing to ask."""
        readiness = template.readiness
        if readiness is None:
            return None
        number = self.record.ports.get(readiness.port)
        if number is None:
            return None
        return make_probe(readiness, self.machine.settings.host, number, launch.headers.get(readiness.port, {}))

    async def ended(self) -> Exit:
        """Wait until nothing of its run is left."""
        assert self.run is not None
        result = await self.run.ended()
        identity = self.run.identity()
        if identity is not None:
            await self.machine.leftovers.end(identity, self.mark)
        return result

    async def take_down(self, life: asyncio.Future[None], shutdown: Shutdown, drain: Drain | None) -> None:
        """Make it end: ask to drain, then to end, then kill. Returns when `life`, which waits for the end, is done.

        Raises StaleLease when another service leads by then: it may want the instance.
        """
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

    def release_ports(self) -> None:
        """Nobody will look for it at its ports again."""
        self.machine.ports.give_back(self.record.ports.values())
        self.record.ports = {}

    def last_words(self) -> str:
        """The end of its log, for a message; secrets are hidden. Nothing while they are not known."""
        return "" if self._secrets is None else excerpt(self.folder.log, self._secrets)

    def note(self, name: str) -> str:
        """What it says about itself in this file; secrets are hidden. Nothing while they are not known."""
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
