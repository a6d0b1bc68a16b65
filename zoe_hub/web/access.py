"""Which execution a caller means, and whether the caller may."""

from __future__ import annotations

from ..logs import note
from ..model.errors import NotPermitted, UnknownName
from ..model.execution import Execution
from ..store.base import Store
from . import scopes
from .callers import Caller

_PROPOSED = 200


async def find_execution(store: Store, caller: Caller, name: str, scope: str) -> Execution:
    """The execution with this identifier, or of the caller with this name.

    Raises UnknownName, also for what exists and is none of the caller's business, and NotPermitted,
    which names the scope, for what the caller may see when `scope` is lacking.
    """
    try:
        execution = await (store.get(name) if caller.user is None else store.find(caller.user, name))
    except UnknownName:
        raise await _unknown(store, caller, name) from None
    note(execution=execution.id)
    if caller.may(scope, execution.owner):
        return execution
    if execution.owner == caller.user:
        raise lacks(scope)
    if caller.may(scopes.READ_EXECUTIONS, execution.owner):
        raise NotPermitted(f"Only {execution.owner}, who owns {execution.name}, may do this.")
    raise await _unknown(store, caller, name)


def lacks(scope: str) -> NotPermitted:
    """The error for a caller without a scope."""
    return NotPermitted(f"Your token lacks the scope {scope}.")


async def _unknown(store: Store, caller: Caller, name: str) -> UnknownName:
    """The same sentence for what is not there and for what is somebody else's."""
    own = [] if caller.user is None else await store.list(owner=caller.user, limit=_PROPOSED)
    return UnknownName("execution", name, {execution.name for execution in own})
