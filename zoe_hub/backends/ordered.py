"""All instances of one process of one execution: does what the keeper decides, and tells it what happened."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from ..model.errors import InvalidDocument, LaunchFailed, StaleLease, ZoeError
from ..model.execution import InstanceState, InstanceStatus
from ..model.framework import Shutdown
from . import note
from .base import Order
from .files import Layout, Record
from .instances import Instance, Maker
from .launch import Launch
from .replicas import Replica, ReplicaKeeper, Rules

_FOUND_OUT = (InstanceState.PENDING, InstanceState.STARTING)
"""States that a restarted service finds out by itself. They need not be written down, which is slow."""

_LOOK_AGAIN = 1.0
"""Seconds after which an instance that could not be watched is looked at again."""

log = logging.getLogger(__name__)


class OrderedProcess:
    """The instances of one process key of one execution."""

    def __init__(
        self, maker: Maker, layout: Layout, execution: str, key: str, publish: Callable[[InstanceStatus], None]
    ) -> None:
        self.execution = execution
        self.key = key
        self._maker = maker
        self._layout = layout
        self._publish = publish
        self._order: Order | None = None
        self._keeper = ReplicaKeeper()
        self._instances: dict[int, Instance] = {}
        self._said: dict[int, InstanceStatus] = {}
        self._lives: dict[int, asyncio.Task[None]] = {}
        self._probes: dict[int, asyncio.Task[None]] = {}
        self._others: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._removing = False

    def statuses(self) -> list[InstanceStatus]:
        return [self._said[ordinal] for ordinal in sorted(self._said)]

    def status(self, ordinal: int) -> InstanceStatus | None:
        return self._said.get(ordinal)

    def instance(self, ordinal: int) -> Instance | None:
        """None where there is none of this number."""
        return self._instances.get(ordinal)

    def logs(self) -> list[Path]:
        """Where its instances write."""
        return [instance.folder.log for instance in self._instances.values()]

    def restore(self, ordinal: int) -> None:
        """Take in an instance that left a folder. Call before `adopt`."""
        folder = self._layout.instance(self.execution, self.key, ordinal)
        record = folder.load()
        last = self._maker.last_run(self.execution, self.key, ordinal, folder)
        if record is None:
            # It was never written, or by another version: its runs still say what is there.
            record = Record(Replica(ordinal, InstanceState.STARTING if last else InstanceState.PENDING), run=last)
            record.replica.present = last > 0
        elif last > record.run:
            # Written by a service that was about to lose its term; what was started says more.
            record.run, record.replica.present = last, True
        self._keeper.restore(record.replica, time.monotonic())
        self._instances[ordinal] = self._maker.make(self.execution, self.key, folder, record)

    async def adopt(self, order: Order | None) -> None:
        """Find out what became of the restored instances, and go on with them."""
        if order is not None:
            self._order = order
            self._keeper.order(order.replicas, _rules(order))
            self._replace_misled(order)
        settled = []
        for ordinal, instance in self._instances.items():
            replica = self._keeper.replicas[ordinal]
            if replica.present:
                event = asyncio.Event()
                settled.append(event)
                self._lives[ordinal] = self._task(self._adopted_life(ordinal, instance, event))
            self._report(ordinal)
        for event in settled:
            await event.wait()
        self.act()

    def apply(self, order: Order) -> None:
        """Go for the order. Returns at once. Raises LaunchFailed when it cannot be written down."""
        if order != self._order:
            try:
                self._layout.save_order(order)
            except OSError as error:
                self._maker.term.check()
                raise LaunchFailed(f"the order for {self.key} could not be written: {error}") from error
            self._order = order
        self._keeper.order(order.replicas, _rules(order))
        self._replace_misled(order)
        self.act()
        for ordinal in self._lives:
            self._ensure_probe(ordinal)

    def _replace_misled(self, order: Order) -> None:
        for ordinal, instance in self._instances.items():
            if instance.is_misled(order):
                self._keeper.replace(ordinal, "what it connects to has another address now")

    async def remove(self) -> None:
        """Stop everything; return when nothing runs."""
        self._removing = True
        self._keeper.order(0, Rules())
        self.act()
        lives = dict(self._lives)
        await asyncio.gather(
            *(self._instances[o].take_down(life, self._shutdown(), None) for o, life in lives.items()),
        )
        await self._let_go()
        for instance in self._instances.values():
            instance.release()

    async def close(self) -> None:
        """Let go of the instances, which keep running."""
        await self._let_go()

    async def _let_go(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        tasks = [*self._lives.values(), *self._probes.values(), *self._others]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def act(self) -> None:
        """Do what is due now, and come back when something will be. Does nothing when another service leads."""
        if not self._maker.term.holds():
            return
        decision = self._keeper.decide(time.monotonic())
        for ordinal in decision.start:
            self._instance(ordinal).expect_start()
        for ordinal in decision.changed:
            self._report(ordinal)
        for ordinal in decision.start:
            self._lives[ordinal] = self._task(self._life(ordinal))
        for ordinal in (*decision.drain, *decision.stop):
            self._others.add(self._task(self._take_down(ordinal, self._lives[ordinal], ordinal in decision.drain)))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if decision.look is not None:
            delay = max(0.0, decision.look - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay, self.act)

    async def _take_down(self, ordinal: int, life: asyncio.Task[None], gently: bool) -> None:
        shutdown = self._shutdown()
        drain, instance = shutdown.drain if gently else None, self._instances[ordinal]
        notes = self._task(self._follow_note(ordinal, drain.note)) if drain and drain.note else None
        try:
            await instance.take_down(life, shutdown, drain)
        finally:
            if notes is not None:
                notes.cancel()

    async def _follow_note(self, ordinal: int, name: str) -> None:
        await note.follow(lambda: self._instances[ordinal].note(name), lambda said: self._tell(ordinal, said))

    def _tell(self, ordinal: int, said: str) -> None:
        self._keeper.on_said(ordinal, said)
        self._report(ordinal)

    def _shutdown(self) -> Shutdown:
        return self._order.template.shutdown if self._order else Shutdown()

    async def _life(self, ordinal: int) -> None:
        instance = self._instance(ordinal)
        assert self._order is not None
        try:
            try:
                replica = self._keeper.replicas[ordinal]
                await instance.start(self._order, replica, lambda said: self._tell(ordinal, said))
            finally:
                instance.start_over()
        except InvalidDocument as error:
            self._ended(ordinal, None, f"it cannot be started: {error}", hopeless=True)
        except (ZoeError, OSError, ValueError) as error:
            self._ended(ordinal, None, f"it could not be started: {error}")
        else:
            await self._follow(ordinal, instance)

    async def _adopted_life(self, ordinal: int, instance: Instance, settled: asyncio.Event) -> None:
        try:
            begun = await self._begun(ordinal, instance, settled)
            self._bound(instance)
            if not begun:
                self._keeper.on_not_started(ordinal, time.monotonic())
                self._settle(ordinal)
                return
            if instance.is_up():
                settled.set()
            await self._follow(ordinal, instance, settled)
        finally:
            settled.set()

    async def _begun(self, ordinal: int, instance: Instance, settled: asyncio.Event) -> bool:
        while True:
            try:
                return await instance.begun()
            except OSError as error:
                await self._look_again(ordinal, error, settled)

    async def _follow(self, ordinal: int, instance: Instance, settled: asyncio.Event | None = None) -> None:
        """From the begin of a run to its end."""
        while True:
            try:
                await self._follow_once(ordinal, instance)
            except OSError as error:
                await self._look_again(ordinal, error, settled)
            else:
                return

    async def _look_again(self, ordinal: int, error: OSError, settled: asyncio.Event | None) -> None:
        self._maker.term.check()
        # Such as too many open files, or a full disk. It may still run, so nothing but another look is right, for
        # which a service that starts does not wait.
        log.warning("%s/%s/%d cannot be watched: %s", self.execution, self.key, ordinal, error)
        if settled is not None:
            settled.set()
        await asyncio.sleep(_LOOK_AGAIN)

    async def _follow_once(self, ordinal: int, instance: Instance) -> None:
        if await instance.begun() and instance.is_up():
            self._keeper.on_started(ordinal, time.monotonic())
            self._report(ordinal)
            self.act()
            self._ensure_probe(ordinal)
        end = await instance.ended()
        self._ended(ordinal, end.code, end.reason, hopeless=end.hopeless)
        await instance.settled()

    def _ended(self, ordinal: int, code: int | None, reason: str, *, hopeless: bool = False) -> None:
        self._keeper.on_ended(ordinal, time.monotonic(), code, reason, hopeless=hopeless)
        replica = self._keeper.replicas[ordinal]
        if replica.state is InstanceState.FAILED and (words := self._instance(ordinal).last_words()):
            replica.message += f". The end of its log:\n{words}"
        self._settle(ordinal)

    def _settle(self, ordinal: int) -> None:
        """Nothing of a run is left."""
        if (probe := self._probes.pop(ordinal, None)) is not None:
            probe.cancel()
        replica = self._keeper.replicas[ordinal]
        if replica.dropped or replica.again:
            self._instance(ordinal).release()
        self._report(ordinal)
        self.act()

    def _ensure_probe(self, ordinal: int) -> None:
        if self._keeper.replicas[ordinal].state is not InstanceState.STARTING or ordinal in self._probes:
            return
        instance = self._instances[ordinal]
        launch = self._bound(instance)
        probe = instance.probe(self._order.template, launch) if self._order and launch else None
        if probe is not None:
            self._probes[ordinal] = self._task(self._await_ready(ordinal, self._maker.pace.until(probe)))

    async def _await_ready(self, ordinal: int, ready: Coroutine[Any, Any, None]) -> None:
        await ready
        self._keeper.on_ready(ordinal, time.monotonic())
        self._report(ordinal)
        self.act()

    def _bound(self, instance: Instance) -> Launch | None:
        """The order for an instance that runs; None when there is none, or it cannot be understood any more."""
        if self._order is None:
            return None
        try:
            return instance.bound(self._order.template)
        except ZoeError as error:
            log.warning("%s/%s: %s", self.execution, self.key, error)
            return None

    def _instance(self, ordinal: int) -> Instance:
        if ordinal not in self._instances:
            folder = self._layout.instance(self.execution, self.key, ordinal)
            record = Record(self._keeper.replicas[ordinal])
            self._instances[ordinal] = self._maker.make(self.execution, self.key, folder, record)
        return self._instances[ordinal]

    def _report(self, ordinal: int) -> None:
        """Write down and publish what is new."""
        replica = self._keeper.replicas[ordinal]
        instance = self._instance(ordinal)
        instance.record.replica = replica
        if replica.state not in _FOUND_OUT and not self._removing:
            self._save(instance)
        status = instance.status(replica)
        if status != self._said.get(ordinal):
            self._said[ordinal] = status
            self._publish(status)

    def _save(self, instance: Instance) -> None:
        try:
            instance.folder.save(instance.record)
        except OSError as error:
            # Nothing is started without a record, and what runs is found again by the one before.
            if self._maker.term.holds():
                log.warning("%s/%s: an instance's state could not be written: %s", self.execution, self.key, error)

    def _task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        task.add_done_callback(self._on_done)
        return task

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._others.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, StaleLease):
            log.info("%s/%s: %s", self.execution, self.key, error)
        elif error is not None:
            log.error("%s/%s: an instance is not watched any more", self.execution, self.key, exc_info=error)


def _rules(order: Order) -> Rules:
    template = order.template
    timeout = template.readiness.timeout if template.readiness else None
    return Rules(template.restart, timeout, template.shutdown.drain is not None)
