"""The loop: desired and observed state in, orders to the back end out.

A round reads what changed, lets the scheduler decide on all live executions, and brings those that changed
one step further. What it finds out is stored together. Whatever a round does can be done again: a controller
that was killed anywhere goes on by making its first round, which reads everything.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from ..backends.base import Backend, Order
from ..logs import about
from ..metrics import Metrics
from ..model.errors import LaunchFailed, ServiceUnavailable, StaleLease, ZoeError
from ..model.execution import DesiredState, Execution, ExecutionState
from ..model.resources import Node
from ..scheduler.lifecycle import ExecutionEvent
from ..scheduler.quotas import InForce
from ..scheduler.scheduler import Scheduler
from ..secrets import Secrets
from ..store.base import Store
from ..store.changes import Change, InstanceReported, InstancesDropped, StateChanged
from . import steps
from .executions import LiveExecutions
from .orders import orders
from .patience import surely
from .quotas import QuotaWatch
from .reports import Reports
from .scheduling import Scheduling, default_scheduler

log = logging.getLogger(__name__)

_PAUSE = 1.0
"""Seconds before what failed is tried again."""


class Controller:
    """One per database. `run` until cancelled; instances go on without it."""

    def __init__(
        self,
        store: Store,
        backend: Backend,
        secrets: Secrets,
        *,
        prefix: str,
        interval: float = 10.0,
        metrics: Metrics | None = None,
        executions: LiveExecutions | None = None,
        scheduler: Callable[[], Scheduler] = default_scheduler,
        weights: Mapping[str, float] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`scheduler` makes a new one; `weights` are those of groups; `clock` says the seconds since 1970, by
        which all is scheduled.

        `executions` may be shared with others.
        """
        self._metrics = metrics or Metrics()
        self._store = store
        self._backend = backend
        self._secrets = secrets
        self._prefix = prefix
        self._interval = interval
        self._executions = executions or LiveExecutions(store)
        self._news = self._executions.news()
        self._scheduling = Scheduling(scheduler, weights)
        self._quotas = QuotaWatch(store, clock)
        self._clock = clock
        self._applied: dict[str, dict[str, Order]] = {}
        """By execution and process."""
        self._removals: dict[str, asyncio.Task[None]] = {}
        self._gone: set[str] = set()
        """Executions that have been taken away; that they ended is not stored yet."""
        self._again: set[str] = set()
        """Executions to be looked at again although nothing new may be stored about them."""
        self._decided_on: tuple[int, tuple[Node, ...], InForce] | None = None
        """What the scheduler saw last: from the same it would decide the same."""
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Make a round soon. May be called any number of times."""
        self._woken.set()

    async def run(self) -> None:
        """Go on for ever. A round that fails is logged and made again after a pause.

        Raises what nobody foresaw, also where it happened while following: a controller that hears nothing
        any more must not look alive.
        """
        followers: list[asyncio.Task[None]] = []
        reports = Reports(self._store, self.wake, pause=_PAUSE)
        try:
            await surely(self._sweep, "Nobody knows yet what is left of executions that ended", pause=_PAUSE)
            # What happens from here on is stored after what is there now, never before it.
            changes = self._backend.watch()
            await reports.store(map(InstanceReported, await self._backend.instances()))
            work = (self._follow_store(), reports.follow(changes), reports.run())
            followers += [asyncio.ensure_future(each) for each in work]
            while True:
                self._woken.clear()
                try:
                    with self._metrics.round():
                        await self.round()
                except StaleLease:
                    raise
                except (ZoeError, OSError):
                    log.exception("A round failed; the next one tries again")
                    await asyncio.sleep(_PAUSE)
                    continue
                await self._sleep(followers)
        finally:
            for task in [*followers, *self._removals.values()]:
                task.cancel()
            await asyncio.gather(*followers, *self._removals.values(), return_exceptions=True)

    async def _sleep(self, followers: Sequence[asyncio.Task[None]]) -> None:
        """Until somebody wakes us, or there is something to try again. Raises what ended a follower."""
        # Not asyncio.wait_for: before Python 3.12 it can lose a cancellation that comes with the waking.
        waiter = asyncio.ensure_future(self._woken.wait())
        try:
            working = {task for task in followers if not task.done()}
            timeout = self._until_due(_PAUSE if self._again else self._interval)
            await asyncio.wait({waiter, *working}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiter.cancel()
        for task in followers:
            if task.done():
                task.result()

    def _until_due(self, most: float) -> float:
        """Seconds until the scheduler wants to be asked again, though nothing happens; `most` otherwise."""
        due = self._scheduling.due
        return most if due is None else max(0.0, min(most, due - self._clock()))

    async def round(self) -> None:
        """Bring every live execution about which there is something new one step further."""
        await self._executions.refresh()
        self._again |= self._news.take()
        scheduled = await self._scheduled()
        try:
            refused = await self._record([*self._ended(), *self._asked_to_end(), *scheduled])
        except BaseException:
            self._believe_the_store()
            raise
        if any(change in refused for change in scheduled):
            self._believe_the_store()
        await self._executions.refresh()
        self._again |= self._news.take()
        again, self._again = self._again, set()
        changes: list[Change] = []
        for execution in self._executions.all():
            if execution.id in again:
                try:
                    with about(execution=execution.id):
                        changes += await self._reconcile(execution)
                except StaleLease:
                    raise
                # Whatever it is: one execution that cannot be handled must not stop all others.
                except Exception:
                    log.exception("Execution %s could not be brought further; it is tried again", execution.id)
                    self._again.add(execution.id)
        try:
            await self._record(changes)
        except BaseException:
            self._again |= again
            raise

    async def _record(self, changes: Sequence[Change]) -> Sequence[Change]:
        # Whoever shares the executions may have let go of one that ended, as soon as that is stored.
        known = {change.execution: self._executions.get(change.execution) for change in changes}
        refused = await self._store.record(changes)
        for change in refused:
            log.debug("Execution %s had moved on before %s", change.execution, type(change).__name__)
        for change in changes:
            if isinstance(change, StateChanged) and change not in refused:
                self._tell(change, known[change.execution])
        return refused

    def _tell(self, move: StateChanged, execution: Execution | None) -> None:
        """Log and count a move that is stored."""
        with about(execution=move.execution):
            log.info("Execution %s was %s and is %s", move.execution, move.before.value, move.after.value)
        if execution is not None:
            self._metrics.moved(execution, move.before, move.after)

    async def _sweep(self) -> None:
        """Take away what an execution that ended left behind, because its end was cut short."""
        live = {execution.id for execution in await self._store.list(live=True, limit=None)}
        for execution in {instance.execution for instance in await self._backend.instances()} - live:
            log.warning("Execution %s has ended, but instances were left; they are removed", execution)
            try:
                await self._backend.remove(execution)
            except StaleLease:
                raise
            except (ZoeError, OSError):
                log.exception("What execution %s left could not be removed; the next start tries again", execution)

    async def _follow_store(self) -> None:
        seq = 0
        while True:
            try:
                if await self._store.wait(seq, self._interval):
                    seq = await self._store.last_seq()
                    self.wake()
            except ServiceUnavailable as error:
                log.warning("Zoe does not hear what is stored: %s", error)
                await asyncio.sleep(_PAUSE)

    def _ended(self) -> Iterator[Change]:
        for name in sorted(self._gone):
            execution = self._executions.get(name)
            if execution is None:
                self._gone.discard(name)
            else:
                yield from steps.end(execution)

    def _asked_to_end(self) -> Iterator[Change]:
        everybody = self._executions.all()
        for execution in everybody:
            if execution.desired is DesiredState.TERMINATED:
                yield from steps.move(execution, ExecutionEvent.TERMINATION_REQUESTED, execution.reason, everybody)

    async def _scheduled(self) -> list[Change]:
        nodes, now = tuple(await self._backend.nodes()), self._clock()
        quotas = await self._quotas.look(self._executions.all())
        if (self._executions.version, nodes, quotas) != self._decided_on:
            running: Counter[tuple[str, str]] = Counter()
            if self._scheduling.going:
                statuses = await self._backend.instances()
                running.update((i.execution, i.process) for i in statuses if not i.state.ended)
            self._scheduling.update(self._executions.all(), nodes, now, running, quotas)
            self._decided_on = self._executions.version, nodes, quotas
        return self._scheduling.decide(now)

    def _believe_the_store(self) -> None:
        """What was decided is not stored, or nobody knows: the next round decides anew, from what is."""
        self._scheduling.forget()
        self._decided_on = None

    async def _reconcile(self, execution: Execution) -> list[Change]:
        if execution.state in steps.GOING:
            self._remove(execution.id)
        elif execution.plan.lost:
            return list(steps.leave_alone(execution))
        elif execution.state in steps.ALIVE:
            return await self._order(execution)
        return []

    async def _order(self, execution: Execution) -> list[Change]:
        changes: list[Change] = []
        secrets = self._secrets.references(execution.plan, execution.id, execution.created)
        for order in orders(execution, secrets, self._prefix):
            applied = self._applied.setdefault(execution.id, {})
            if applied.get(order.template.key) != order:
                try:
                    await self._backend.apply(order)
                except LaunchFailed as error:
                    # What runs already is worth more than what was wished beside it, such as another size.
                    log.warning("Execution %s: %s", execution.id, error)
                    if execution.state is ExecutionState.STARTING:
                        everybody = self._executions.all()
                        return [*changes, *steps.move(execution, ExecutionEvent.GAVE_UP, str(error), everybody)]
                    self._again.add(execution.id)
                    break
                applied[order.template.key] = order
            changes += _surplus(execution, order)
        return [*changes, *steps.judge(execution, self._executions.all() if execution.server else [])]

    def _remove(self, execution: str) -> None:
        """Start taking an execution away, unless that is under way or done."""
        if execution in self._removals or execution in self._gone:
            return
        task = asyncio.create_task(self._take_away(execution))
        self._removals[execution] = task
        task.add_done_callback(lambda _: self._removals.pop(execution, None))

    async def _take_away(self, execution: str) -> None:
        try:
            await self._backend.remove(execution)
        except StaleLease as error:
            # Whoever leads now takes it away; that this service leads no more is noticed where the lease is renewed.
            log.info("Execution %s is not taken away here: %s", execution, error)
            return
        except (ZoeError, OSError):
            log.exception("Execution %s could not be taken away; it is tried again", execution)
            await asyncio.sleep(_PAUSE)
            self._again.add(execution)
        else:
            self._gone.add(execution)
            self._applied.pop(execution, None)
        self.wake()


def _surplus(execution: Execution, order: Order) -> Iterator[Change]:
    """What was scaled away and has ended is forgotten."""
    surplus = [i for i in execution.instances if i.process == order.template.key and i.ordinal >= order.replicas]
    if surplus and all(instance.state.ended for instance in surplus):
        yield InstancesDropped(execution.id, order.template.key, order.replicas)
