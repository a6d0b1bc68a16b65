"""One instance: each of its runs is a container of its own, whose name holds the number of the run."""

from __future__ import annotations

import asyncio
import logging
import signal
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ...model.errors import InvalidDocument, LaunchFailed
from ...model.framework import Drain, Shutdown
from ...model.plan import ProcessPlan
from ...model.resources import Resources
from .. import note
from ..base import Order
from ..files import InstanceFolder, Record
from ..instances import End, Instance, Tell
from ..launch import Launch, bind
from ..output import excerpt
from ..readiness import Pace
from ..replicas import Replica
from ..terms import Term
from . import logs, spec
from .devices import Devices
from .endings import Seen, ending
from .engine import Engine, EngineAway, EngineRefused
from .guard import Guard
from .images import Images
from .names import RunKey, container_name
from .networks import Networks
from .settings import DockerSettings
from .watch import Watch

log = logging.getLogger(__name__)

_FIRST_PORT = 20_000
"""Of ports for which a framework names no number: in a container, nobody else has them."""
_KILL_AGAIN = 5.0
"""Seconds after which a container that was killed and is still there is killed again."""


@dataclass(frozen=True)
class Host:
    """What all instances on the engine share."""

    settings: DockerSettings
    installation: str
    term: Term
    engine: Engine
    images: Images
    networks: Networks
    devices: Devices
    watch: Watch
    found: dict[tuple[str, str, int], int] = field(default_factory=dict)
    """The highest run of each instance of which there was a container when this service began."""
    pace: Pace = field(default_factory=Pace)
    guard: Guard | None = None
    """None: nothing here has to keep networks apart."""

    def make(self, execution: str, process: str, folder: InstanceFolder, record: Record) -> Instance:
        return DockerInstance(self, execution, process, folder, record)

    def last_run(self, execution: str, process: str, ordinal: int, folder: InstanceFolder) -> int:
        return self.found.get((execution, process, ordinal), 0)


class DockerInstance(Instance):
    """An instance on the engine, through all its restarts."""

    scratch, framework = spec.SCRATCH, spec.FRAMEWORK
    """Folders in its container: its own, and that of its framework."""

    def __init__(self, host: Host, execution: str, process: str, folder: InstanceFolder, record: Record) -> None:
        super().__init__(execution, process, folder, record)
        self._host = host
        self._seen: Seen | None = None
        self._finished: RunKey | None = None
        self._secrets: frozenset[str] | None = None
        self._program = "of its command"
        self._resources = Resources()
        self._launched = asyncio.Event()
        self._launched.set()
        host.networks.keep(execution, record.host)
        host.devices.keep(record.devices)

    @property
    def host(self) -> str | None:
        return self.record.host or None

    @property
    def key(self) -> RunKey:
        """Its present run."""
        return RunKey(self.execution, self.process, self.record.replica.ordinal, self.record.run)

    @property
    def name(self) -> str:
        """Of the container of its present run."""
        return self.name_of(self.key)

    def name_of(self, key: RunKey) -> str:
        """Of the container of a run."""
        return container_name(self._host.installation, key)

    def expect_start(self) -> None:
        self._launched.clear()
        self._seen = None
        # Logs of an execution of the same name may have been kept.
        self.record.run = max([self.record.run, *(logs.saved(self.folder) if not self.record.run else ())]) + 1

    def start_over(self) -> None:
        self._launched.set()

    async def start(self, order: Order, replica: Replica, tell: Tell) -> None:
        host, template = self._host, order.template
        _check_signals(template)
        image = host.images.choose(template.image, self.process)
        while True:
            try:
                exactly = await host.images.ensure(image, tell)
                launch = await self._prepare(order, replica)
                await self._begin(order, launch, exactly)
                return
            except EngineAway as error:
                # It may be started again just now. That is no fault of the instance.
                tell(str(error))
                await host.engine.surely(host.engine.info)
                # What it was asked for last may have happened.
                await host.engine.surely(lambda: host.engine.remove(self.name))

    async def _prepare(self, order: Order, replica: Replica) -> Launch:
        host, record, template = self._host, self.record, order.template
        record.ports = _ports_of(template)
        if host.guard is not None:
            await host.guard.ensure()
        await self._find_room(order)
        record.addresses = dict(order.addresses)
        record.started = datetime.now(timezone.utc)
        record.replica = replica
        host.term.check()
        # From here on there may be something of this run on the engine.
        await asyncio.to_thread(self.folder.save, record)
        launch = self.bound(template)
        spec.check_command(template, launch)
        return launch

    async def _find_room(self, order: Order) -> None:
        """Write into the record where the others will find it, and what it has to itself there."""
        host, record, gpus = self._host, self.record, order.template.resources.gpu
        record.host = await host.networks.address(self.execution, order.owner, record.host)
        if len(record.devices) != gpus:
            host.devices.give_back(record.devices)
            record.devices = host.devices.take(gpus)

    async def _begin(self, order: Order, launch: Launch, image: str) -> None:
        host, record = self._host, self.record
        place = spec.Place(
            key=self.key,
            owner=order.owner,
            installation=host.installation,
            term=host.term.number,
            network=host.networks.name(self.execution),
            address=record.host,
            image=image,
            devices=tuple(record.devices),
        )
        config = spec.container(place, order.template, launch, host.settings)
        folder = host.settings.framework_folder(order.template.framework)
        files = await asyncio.to_thread(spec.archive, launch, folder, host.settings.user)
        try:
            container = await self._create(config)
            await host.engine.put(container, spec.VOLUME, files)
            host.term.check()
            await host.engine.start(container)
        except EngineRefused as error:
            await host.engine.remove(self.name)
            host.networks.doubt(self.execution)
            if "address" in str(error).lower() and not await host.networks.free(self.execution, record.host):
                # Somebody has it: another one is taken for the next start, and this one goes on counting as taken.
                record.host = ""
            raise

    async def _create(self, config: dict[str, object]) -> str:
        host = self._host
        host.term.check()
        try:
            return await host.engine.create(self.name, config)
        except EngineRefused as error:
            if not error.conflict:
                raise
        # Of a service that led before and was held up until now: the record of this run is ours.
        await host.engine.remove(self.name)
        return await host.engine.create(self.name, config)

    def bound(self, template: ProcessPlan) -> Launch:
        record = self.record
        record.ports = record.ports or _ports_of(template)
        launch = bind(
            template,
            {
                "self.host": record.host,
                "self.ordinal": str(record.replica.ordinal),
                "self.folder": self.scratch,
                "framework.folder": self.framework,
                "cache": f"{spec.CACHE}/{template.framework}",
                "python": self._host.settings.python,
                **{f"self.port.{name}": str(number) for name, number in record.ports.items()},
            },
        )
        # What is needed to speak of it.
        self._secrets = launch.secrets
        self._program = launch.command[0] if launch.command else ""
        self._resources = template.resources
        return launch

    async def begun(self) -> bool:
        host = self._host
        seen = await host.engine.surely(lambda: host.engine.show(self.name))
        if seen is not None and seen.state == "created":
            # Whoever made it did not come to start it.
            host.term.check()
            await host.engine.surely(lambda: host.engine.remove(self.name))
            seen = None
        self._seen = seen
        if seen is not None and not self.record.host and seen.address:
            self.record.host = seen.address
            host.networks.keep(self.execution, seen.address)
        return seen is not None

    def is_up(self) -> bool:
        return self._seen is not None and not self._seen.over

    async def ended(self) -> End:
        key, name = self.key, self.name
        seen = await self._host.watch.over(key, name)
        if seen is not None:
            await self._host.engine.surely(lambda: self._save_log(name, key.run))
        self._finished = key
        return ending(seen, program=self._program, memory=self._resources.memory)

    async def _save_log(self, name: str, run: int, *, ended: bool = True) -> None:
        host = self._host
        if not host.term.holds():
            return
        try:
            await logs.save(host.engine, name, self.folder, run, host.settings.log_limit, ended=ended)
        except OSError as error:
            host.term.check()
            log.warning("The log of %s could not be kept: %s", name, error)

    async def settled(self) -> None:
        host, key = self._host, self._finished
        if key is not None and host.term.holds():
            name = self.name_of(key)
            await host.engine.surely(lambda: host.engine.remove(name))
            if self._finished == key:
                self._finished = None

    def is_of_use(self, key: RunKey) -> bool:
        """Whether the container of that run is watched, or is about to be deleted here."""
        return key == self._finished or (key == self.key and self.record.replica.present)

    async def take_down(self, life: asyncio.Future[None], shutdown: Shutdown, drain: Drain | None) -> None:
        await self._launched.wait()
        name = self.name
        if drain is not None and not life.done():
            await self._signal(name, drain.signal)
            await asyncio.wait({life}, timeout=drain.timeout)
        if not life.done():
            await self._signal(name, shutdown.signal)
            await asyncio.wait({life}, timeout=shutdown.grace)
        while not life.done():
            await self._signal(name, "SIGKILL")
            await asyncio.wait({life}, timeout=_KILL_AGAIN)

    async def _signal(self, name: str, signal_name: str) -> None:
        host = self._host
        host.term.check()
        try:
            await host.engine.surely(lambda: host.engine.kill(name, signal_name))
        except EngineRefused as error:
            log.warning("%s did not get %s: %s", name, signal_name, error)

    def release(self) -> None:
        host, record = self._host, self.record
        host.networks.give_back(self.execution, record.host)
        host.devices.give_back(record.devices)
        record.host, record.ports, record.devices = "", {}, []

    def last_words(self) -> str:
        if self._secrets is None:
            return ""
        paths = list(logs.saved(self.folder).values())
        return excerpt(paths[-1], self._secrets) if paths else ""

    async def note(self, name: str) -> str:
        if self._secrets is None:
            return ""
        host = self._host
        # By a program in the container: a file there may lead anywhere, or never end.
        command = ["head", "-c", str(note.READ), f"{self.scratch}/{name}"]
        try:
            content = await host.engine.run_in(self.name, command, host.settings.user, note.READ)
        except LaunchFailed:
            return ""
        return note.shown(content, self._secrets)


def _ports_of(template: ProcessPlan) -> dict[str, int]:
    """What the framework says; where it says nothing, numbers that nothing in a container uses."""
    return {port.name: port.number or _FIRST_PORT + place for place, port in enumerate(template.ports)}


def _check_signals(template: ProcessPlan) -> None:
    shutdown = template.shutdown
    for name in [shutdown.signal, *([shutdown.drain.signal] if shutdown.drain else [])]:
        if name not in signal.Signals.__members__:
            raise InvalidDocument(f"{template.key}: the engine knows no signal {name}")
