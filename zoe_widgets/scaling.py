"""Another number of workers: asked for, and when that is done."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Mapping, Sequence
from typing import Any

from zoe_hub.client.views import ExecutionView
from zoe_hub.model.errors import InvalidRequest, Overtaken
from zoe_hub.model.events import Event, EventKind
from zoe_hub.model.execution import InstanceState

from .attachments import Attached
from .core import Core
from .notices import say
from .portal import Caller
from .progress import Progress, sizes


class Settled:
    """Whether a number of workers is there, or known not to be granted. Call it with the execution.

    The scheduler's decision is an event after the wish. Where it decides what it had decided before, it
    says nothing: then `decided` is set after `PATIENCE` seconds. Raises Overtaken when somebody asked for another
    number after us.
    """

    PATIENCE = 5.0

    def __init__(self, number: int, workers: Sequence[str]) -> None:
        self.decided = False
        self._last: Mapping[str, Any] = {}
        self._number = number
        self._workers = workers

    def saw(self, event: Event) -> None:
        """Take note of an event of the execution; in order, from its first one on."""
        if event.kind is EventKind.EXECUTION_SCALED:
            self.decided = False
            self._last = event.data
        elif event.kind in (EventKind.EXECUTION_GRANTED, EventKind.EXECUTION_WAITING):
            self.decided = True

    def patience(self, timeout: float | None) -> float:
        """How long to wait for the scheduler's word."""
        return self.PATIENCE if timeout is None else min(self.PATIENCE, timeout)

    def __call__(self, view: ExecutionView) -> bool:
        if view.number != self._number:
            self._check_overtaken(view)
            return False
        keys = {*view.workers, *self._workers}
        return all(self._settled(view, p.key, p.core + p.elastic) for p in view.plan.processes if p.key in keys)

    def _check_overtaken(self, view: ExecutionView) -> None:
        """Raises Overtaken. Our own wish was stored before this is asked, so another number is somebody's later one."""
        said = self._last.get("parameters", {}).get(view.plan.scales, self._number)
        if said in (view.number, None):
            who = f" by {self._last['by']}" if self._last.get("by") else ""
            raise Overtaken(f"{view.name} was scaled to {view.number}{who} meanwhile.")

    def _settled(self, view: ExecutionView, key: str, wanted: int) -> bool:
        there = [i for i in view.instances if i.process == key and not i.state.ended]
        ready = sum(i.state is InstanceState.READY for i in there)
        allowed = view.granted.get(key, 0)
        if len(there) > wanted:
            return False  # those that go have not gone yet
        return ready >= wanted if allowed >= wanted else self.decided and ready >= allowed


async def scale(
    core: Core, caller: Caller, attached: Attached, number: int, wait: bool, timeout: float | None
) -> Attached:
    """Ask for so many workers; wait until they are there, or it is known that not all are granted.

    Raises Overtaken when somebody asks for another number meanwhile.
    """
    try:
        number = operator.index(number)
    except TypeError:
        raise InvalidRequest(f"{number!r} is no number of workers; give a whole number, such as 4.") from None
    scales = attached.view.plan.scales
    if not scales:
        raise InvalidRequest(f"{attached.view.name} has no number of workers that could be changed.")
    settled = Settled(number, attached.view.workers)
    adapted = attached.view.adaptation is not None
    attached.saw(await core.client.modify(attached.id, {scales: number}))
    if adapted and attached.view.adaptation is None:
        caller.show(lambda: say(f"{attached.view.name} does not follow its load any more: it stays at {number}."))
    if not wait:
        return attached
    progress = Progress(caller, attached.view.name)
    progress.stage("scaling")
    progress.start()

    def on_event(event: Event, view: ExecutionView) -> None:
        settled.saw(event)
        progress.seen(view)

    try:
        try:
            view = await core.client.wait(attached.id, settled, on_event=on_event, timeout=settled.patience(timeout))
        except TimeoutError:
            if timeout is not None and timeout <= settled.PATIENCE:
                raise
            settled.decided = True
            view = await core.client.wait(attached.id, settled, on_event=on_event, timeout=timeout)
    except asyncio.CancelledError:
        progress.finish("interrupted; the new size stays asked for")
        raise
    except Overtaken as error:
        progress.finish(str(error))
        raise
    finally:
        progress.stop()
    attached.saw(view)
    progress.seen(view)
    progress.finish(sizes(view))
    return attached
