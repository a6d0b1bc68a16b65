"""One instance: each of its runs is a service of one task, whose name holds the number of the run."""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass, field

from ...model.plan import ProcessPlan
from .. import note
from ..base import Order
from ..docker.engine import EngineRefused
from ..docker.images import credentials
from ..docker.instance import DockerInstance, Host
from ..docker.names import RunKey
from ..files import InstanceFolder, Record
from ..instances import Instance, Tell
from ..launch import Launch
from ..readiness import Probe, make_probe
from ..replicas import Replica
from . import control, machines, spec
from .engine import SwarmEngine
from .settings import SwarmSettings

log = logging.getLogger(__name__)

_LOOK_EVERY = 0.25
"""Seconds between two looks at a task that is about to run."""
_FOR_REACHING = 10.0
"""Seconds in which an instance that runs is reached: machines tell each other of its address after it has begun, and
its starter listens after it has started the program."""
_FOR_OPENING = 3.0
"""Seconds for which a service that begins waits for one of them; it goes on waiting afterwards."""


@dataclass(frozen=True)
class SwarmHost(Host):
    """What all instances on the swarm share."""

    swarm: SwarmEngine = field(default_factory=SwarmEngine)
    of_swarm: SwarmSettings = field(default_factory=SwarmSettings)

    def make(self, execution: str, process: str, folder: InstanceFolder, record: Record) -> Instance:
        return SwarmInstance(self, execution, process, folder, record)


class SwarmInstance(DockerInstance):
    """An instance in the swarm, through all its restarts."""

    scratch, framework = spec.SCRATCH, spec.FRAMEWORK

    def __init__(self, host: SwarmHost, execution: str, process: str, folder: InstanceFolder, record: Record) -> None:
        super().__init__(host, execution, process, folder, record)
        self._swarm = host
        self._tell: Tell | None = None
        self._waited = False

    def name_of(self, key: RunKey) -> str:
        return spec.service_name(self._swarm.installation, key)

    async def start(self, order: Order, replica: Replica, tell: Tell) -> None:
        self._tell = tell
        await super().start(order, replica, tell)

    async def _find_room(self, order: Order) -> None:
        host, record = self._swarm, self.record
        await host.networks.ensure(self.execution, order.owner)
        record.host = spec.host_name(host.installation, self.key)
        record.token = secrets.token_hex(16)

    async def _begin(self, order: Order, launch: Launch, image: str) -> None:
        host, engine = self._swarm, self._swarm.swarm
        exactly = await engine.content_of(image) or image
        sizes = [machines.of(node, "").cpu for node in (await engine.machines()).values() if machines.counts(node, ())]
        folder = host.settings.framework_folder(order.template.framework)
        bundle = await asyncio.to_thread(spec.bundle, launch, folder, self.record.token)
        place = spec.Place(
            key=self.key,
            owner=order.owner,
            installation=host.installation,
            term=host.term.number,
            network=host.networks.name(self.execution),
            image=exactly,
            smallest=min(sizes, default=1.0),
        )
        try:
            secret = await self._keep(place, bundle)
            host.term.check()
            config = spec.service(spec.with_secret(place, secret), order.template, host.settings, host.of_swarm)
            await engine.create_service(config, credentials(image))
        except EngineRefused:
            await engine.remove(self.name)
            host.networks.doubt(self.execution)
            raise

    async def _keep(self, place: spec.Place, bundle: bytes) -> str:
        engine, labels = self._swarm.swarm, spec.labels(place)
        self._swarm.term.check()
        try:
            return await engine.create_secret(place.name, bundle, labels)
        except EngineRefused as error:
            if not error.conflict:
                raise
        # Of a service that led before and was held up until now: the record of this run is ours.
        await engine.remove(place.name)
        return await engine.create_secret(place.name, bundle, labels)

    async def begun(self) -> bool:
        engine, name = self._swarm.swarm, self.name
        self.record.host = spec.host_name(self._swarm.installation, self.key)
        give_up = asyncio.get_running_loop().time() + _FOR_OPENING
        while True:
            begun = await super().begun()
            if not begun or self._seen is None or self._seen.over or self._seen.state == "running":
                return begun
            task = engine.task(name)
            if task is not None and task.waits and self._tell is not None:
                self._tell(task.waits)
            if self._tell is None and not self._waited and asyncio.get_running_loop().time() > give_up:
                self._waited = True
                raise BlockingIOError(f"{task.waits if task else 'it is not there yet'}; Zoe waits for it")
            await asyncio.sleep(_LOOK_EVERY)

    def probe(self, template: ProcessPlan, launch: Launch) -> Probe | None:
        """By its address: names of the execution's network are known within that only."""
        readiness = template.readiness
        number = self.record.ports.get(readiness.port) if readiness is not None else None
        if readiness is None or number is None:
            return None
        headers = launch.headers.get(readiness.port, {})

        async def ask() -> bool:
            address = self._address()
            return address is not None and await make_probe(readiness, address, number, headers)()

        return ask

    def _address(self) -> str | None:
        task = self._swarm.swarm.task(self.name)
        return task.seen.address if task is not None else None

    async def _signal(self, name: str, signal_name: str) -> None:
        host, clock = self._swarm, asyncio.get_running_loop().time
        give_up = clock() + _FOR_REACHING
        while True:
            host.term.check()
            address = self._address()
            if address is not None and await control.send_signal(address, self.record.token, signal_name):
                return
            seen = await host.engine.surely(lambda: host.swarm.show(name))
            if seen is None or seen.over:
                return
            if seen.state != "running" or clock() > give_up:
                break
            await asyncio.sleep(_LOOK_EVERY)
        # It does not run yet, or nobody reaches it: the swarm itself stops it, by its own signal and after its grace.
        log.info("%s cannot be sent %s, and is stopped by the swarm", name, signal_name)
        await self._save_log(name, self.record.run, ended=False)
        await host.engine.surely(lambda: host.swarm.remove(name))

    async def note(self, name: str) -> str:
        address = self._address()
        if self._secrets is None or address is None:
            return ""
        return note.shown(await control.read_note(address, self.record.token, name), self._secrets)
