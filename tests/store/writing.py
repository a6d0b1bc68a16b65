"""Short words for storing changes in tests."""

from __future__ import annotations

from zoe_hub.model.execution import Execution, ExecutionState
from zoe_hub.store.base import Store
from zoe_hub.store.changes import Change, StateChanged


class Refused(Exception):
    """The store refused changes: what they were made for had moved on, or was never there."""


async def stored(store: Store, *changes: Change) -> None:
    """Store changes. Raises Refused, which has those that were refused."""
    if refused := await store.record(changes):
        raise Refused(*refused)


async def moved(
    store: Store, execution: str, before: ExecutionState, after: ExecutionState, reason: str = ""
) -> Execution:
    """The execution in its new state. Raises Refused."""
    await stored(store, StateChanged(execution, before, after, reason))
    return await store.get(execution)
