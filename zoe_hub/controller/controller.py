"""The loop: desired and observed state in, orders to the back end out.

A round reads all live executions, lets the scheduler decide, and brings each execution one step
further. Whatever a round does can be done again: a controller that was killed anywhere goes on
by making its first round.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Sequence

from ..backends.base import Backend, Order
from ..model.errors import Conflict, LaunchFailed, ServiceUnavailable, UnknownName, ZoeError
from ..model.execution import DesiredState, Execution, ExecutionState, InstanceState, InstanceStatus
from ..model.framework import Placement
from ..model.zapp import Category
from ..scheduler.decide import Decision, Demand, Request, Snapshot, decide
from ..scheduler.lifecycle import ExecutionEvent, may, next_state
from ..secrets import Secrets
from ..store.base import Store
from .orders import core_is_ready, orders, replicas

log = logging.getLogger(__name__)

_GOING = (ExecutionState.STOPPING, ExecutionState.FAILING, ExecutionState.COMPLETING)
_ENDS = {InstanceState.STOPPED, InstanceState.FAILED}
_ALIVE = (ExecutionState.STARTING, ExecutionState.RUNNING, ExecutionState.DEGRADED)

_PAUSE = 1.0
"""Seconds before what failed is tried again."""


class Controller:
    """One per database. `run` until cancelled; instances go on without it."""

    def __init__(
        self, store: Store, backend: Backend, secrets: Secrets, *, prefix: str, interval: float = 10.0
    ) -> None:
        self._store = store
        self._backend = backend
        self._secrets = secrets
        self._prefix = prefix
        self._interval = interval
        self._applied: dict[tuple[str, str], Order] = {}
        self._removals: dict[str, asyncio.Task[None]] = {}
        self._gone: set[str] = set()
        self._storing = asyncio.Lock()
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
        try:
            await self._sweep()
            # What happens from here on is stored after what is there now, never before it.
            changes = self._backend.watch()
            there = await self._backend.instances()
            followers += [asyncio.create_task(self._follow_store())]
            for instance in there:
                await self._observe(instance)
            followers += [asyncio.create_task(self._follow_backend(changes))]
            while True:
                self._woken.clear()
                try:
                    await self.round()
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
        """Until somebody wakes us, or the interval is over. Raises what ended a follower."""
        # Not asyncio.wait_for: before Python 3.12 it can lose a cancellation that comes with the waking.
        waiter = asyncio.ensure_future(self._woken.wait())
        try:
            working = {task for task in followers if not task.done()}
            await asyncio.wait({waiter, *working}, timeout=self._interval, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiter.cancel()
        for task in followers:
            if task.done():
                task.result()

    async def round(self) -> None:
        """Bring every live execution one step further."""
        executions = sorted(await self._store.list(live=True, limit=None), key=lambda e: (e.created, e.id))
        for execution in executions:
            if execution.desired is DesiredState.TERMINATED:
                await self._move(execution, ExecutionEvent.TERMINATION_REQUESTED, execution.reason)
        await self._schedule(executions)
        for execution in sorted(await self._store.list(live=True, limit=None), key=lambda e: (e.created, e.id)):
            try:
                await self._reconcile(execution)
            # Whatever it is: one execution that cannot be handled must not stop all others.
            except Exception:
                log.exception("Execution %s could not be brought further; the next round tries again", execution.id)

    async def _sweep(self) -> None:
        """Take away what an execution that ended left behind, because its end was cut short."""
        live = {execution.id for execution in await self._store.list(live=True, limit=None)}
        for execution in {instance.execution for instance in await self._backend.instances()} - live:
            log.warning("Execution %s has ended, but instances were left; they are removed", execution)
            try:
                await self._backend.remove(execution)
            except (ZoeError, OSError):
                log.exception("What execution %s left could not be removed; the next start tries again", execution)

    async def _follow_backend(self, changes: AsyncIterator[InstanceStatus]) -> None:
        async for instance in changes:
            async with self._storing:
                # What was still on its way when its execution was taken away is older than the end.
                if instance.execution in self._gone:
                    continue
                await self._observe(instance)
            self.wake()

    async def _observe(self, instance: InstanceStatus) -> None:
        """Store it, however long the store is away: nobody reports the same change twice."""
        while True:
            try:
                await self._store.save_instance(instance)
            except UnknownName:
                log.warning("An instance of an unknown execution was reported: %s", instance.execution)
            except ServiceUnavailable as error:
                log.warning("A change of execution %s is not stored yet: %s", instance.execution, error)
                await asyncio.sleep(_PAUSE)
                continue
            return

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

    async def _schedule(self, executions: Sequence[Execution]) -> None:
        nodes = await self._backend.nodes()
        known = [execution for execution in executions if not execution.plan.lost]
        decisions = decide(Snapshot(nodes, [_request(execution) for execution in known]))
        by_id = {execution.id: execution for execution in executions}
        for decision in decisions:
            await self._carry_out(by_id[decision.execution], decision)

    async def _carry_out(self, execution: Execution, decision: Decision) -> None:
        if not decision.admitted:
            await self._explain(execution, decision.reason)
            return
        if dict(decision.granted) != execution.granted:
            await self._store.grant(execution.id, decision.granted, decision.reason)
        if execution.state is ExecutionState.QUEUED:
            await self._move(execution, ExecutionEvent.ADMITTED, decision.reason)
        elif execution.state is ExecutionState.RUNNING:
            await self._explain(execution, decision.reason)

    async def _explain(self, execution: Execution, reason: str) -> None:
        # Asking the store first would cost a writing transaction for every execution in every round.
        if reason != execution.reason:
            await self._store.explain(execution.id, reason)

    async def _reconcile(self, execution: Execution) -> None:
        if execution.state in _GOING:
            self._remove(execution)
        elif execution.plan.lost:
            await self._leave_alone(execution)
        elif execution.state in _ALIVE:
            await self._order(execution)
            await self._judge(execution)

    async def _leave_alone(self, execution: Execution) -> None:
        """What runs by a plan that cannot be read goes on as it is; what does not run yet never will."""
        why = "another version of Zoe stored its plan, which cannot be read"
        if execution.state in (ExecutionState.QUEUED, ExecutionState.STARTING):
            await self._move(execution, ExecutionEvent.GAVE_UP, f"{why}; start it again")
        elif execution.state in _ALIVE:
            await self._explain(execution, f"{why}: it goes on as it is, until it is terminated")

    async def _order(self, execution: Execution) -> None:
        secrets = self._secrets.references(execution.plan, execution.id, execution.created)
        for order in orders(execution, secrets, self._prefix):
            key = (execution.id, order.template.key)
            if self._applied.get(key) != order:
                try:
                    await self._backend.apply(order)
                except LaunchFailed as error:
                    # What runs already is worth more than what was wished beside it, such as another size.
                    log.warning("Execution %s: %s", execution.id, error)
                    if execution.state is ExecutionState.STARTING:
                        await self._move(execution, ExecutionEvent.GAVE_UP, str(error))
                    return
                self._applied[key] = order
            await self._drop_surplus(execution, order)

    async def _drop_surplus(self, execution: Execution, order: Order) -> None:
        surplus = [i for i in execution.instances if i.process == order.template.key and i.ordinal >= order.replicas]
        if surplus and all(instance.state.ended for instance in surplus):
            await self._store.drop_instances(execution.id, order.template.key, order.replicas)

    async def _judge(self, execution: Execution) -> None:
        """Move the execution by what its instances are."""
        gone = _ended_for_good(execution)
        if gone is not None and gone.state is InstanceState.STOPPED and execution.plan.category is Category.BATCH:
            await self._move(execution, ExecutionEvent.WORK_DONE, "")
        elif gone is not None:
            why = gone.message or f"it ended with status {gone.exit_code}"
            await self._move(execution, ExecutionEvent.GAVE_UP, f"{gone.process} {gone.ordinal}: {why}")
        elif core_is_ready(execution):
            await self._move(execution, ExecutionEvent.CORE_READY, "")
        else:
            lost = [i for i in execution.instances if i.state is not InstanceState.READY and not i.state.ended]
            reason = "; ".join(f"{i.process} {i.ordinal} is {i.state.value}" for i in lost[:3])
            await self._move(execution, ExecutionEvent.CORE_LOST, reason)

    def _remove(self, execution: Execution) -> None:
        """Start taking an execution away, unless that is under way."""
        if execution.id in self._removals:
            return
        task = asyncio.create_task(self._take_away(execution))
        self._removals[execution.id] = task
        task.add_done_callback(lambda _: self._removals.pop(execution.id, None))

    async def _take_away(self, execution: Execution) -> None:
        try:
            await self._backend.remove(execution.id)
            # Not while an older report is being stored: it would come after the end that is written below.
            async with self._storing:
                self._gone.add(execution.id)
            for instance in (await self._store.get(execution.id)).instances:
                if not instance.state.ended:
                    await self._observe(instance.model_copy(update={"state": InstanceState.STOPPED}))
            await self._move(await self._store.get(execution.id), ExecutionEvent.ALL_GONE, execution.reason)
            for key in [key for key in self._applied if key[0] == execution.id]:
                del self._applied[key]
        except (ZoeError, OSError):
            log.exception("Execution %s could not be taken away; the next round tries again", execution.id)
            await asyncio.sleep(_PAUSE)
        self.wake()

    async def _end_dependents(self, execution: Execution) -> None:
        """Clusters attached to a user server go when that server goes; detached ones stay."""
        if execution.server is None:
            return
        for other in await self._store.list(owner=execution.owner, live=True, limit=None):
            tied = other.attachment is not None and other.attachment.server == execution.server
            if tied and other.plan.server is None:
                await self._store.terminate(other.id, by="the end of its notebook server")

    async def _move(self, execution: Execution, event: ExecutionEvent, reason: str) -> None:
        """One step through the lifecycle table; nothing where the table has no such move."""
        if not may(execution.state, event):
            return
        after = next_state(execution.state, event)
        if after in _GOING:
            # Before the move, so that it happens even if we die between the two; and not after it, when a new
            # server of the same name may have clusters of its own.
            await self._end_dependents(execution)
        try:
            await self._store.change_state(execution.id, execution.state, after, reason)
        except Conflict:
            log.debug("Execution %s had moved on before %s", execution.id, event.value)
        self.wake()


def _request(execution: Execution) -> Request:
    return Request(
        execution=execution.id,
        admitted=execution.state is not ExecutionState.QUEUED,
        leaving=execution.desired is DesiredState.TERMINATED or execution.state in _GOING,
        demands=tuple(
            Demand(process.key, process.title, process.core, process.elastic, process.resources)
            for process in execution.plan.processes
        ),
        granted=execution.granted,
        present=Counter(instance.process for instance in execution.instances if not instance.state.ended),
    )


def _ended_for_good(execution: Execution) -> InstanceStatus | None:
    """An instance that is gone for good, where its process has too few others to make up its core."""
    for process in execution.plan.processes:
        wanted = replicas(execution, process)
        # A user server that stopped was stopped by the spawner, which terminates the execution next.
        ends = {InstanceState.FAILED} if process.placement is Placement.SERVER else _ENDS
        mine = [i for i in execution.instances if i.process == process.key and i.ordinal < wanted]
        gone = [i for i in mine if i.state in ends]
        if gone and wanted - len(gone) < process.core:
            return gone[0]
    return None
