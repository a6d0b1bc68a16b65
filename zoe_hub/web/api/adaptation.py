"""Executions that follow their load."""

from __future__ import annotations

from ...composition import adaptable
from ...model.adaptation import Adaptation
from ...model.errors import Overtaken
from .. import scopes
from ..access import find_execution
from ..operations import Call, Operation, Reply
from ..views import ExecutionView
from .answers import reply
from .plans import check_capacity

_TRIES = 10
"""How often a change is made again because somebody else was faster."""


async def adapt_execution(call: Call) -> Reply:
    """Let it follow its load between two sizes.

    It grows while tasks wait, and gives workers back after they were not needed for a while. Bounds are those of the
    parameter that scales; a size outside of them is changed at once. Ends with a `PATCH` of that parameter.
    """
    adaptation: Adaptation = call.body
    for _ in range(_TRIES):
        execution = await find_execution(call.context.store, call.who, call.path["id"], scopes.EXECUTIONS)
        plan = execution.plan
        current = int(plan.parameters.get(plan.scales or "", 0))
        size, new = adaptable(plan, adaptation, call.context.catalogue.frameworks, current=current)
        if size != current:
            await check_capacity(call.context, new)
        parameters = dict(execution.parameters)
        if size != current:
            parameters[plan.scales or ""] = size
        try:
            changed = await call.context.store.adapt(
                execution.id, adaptation, parameters, new, read=execution.parameters, by=call.who.name
            )
        except Overtaken:
            continue
        call.context.wake()
        return await reply(call, changed)
    raise Overtaken(f"{call.path['id']} is being changed by others all the time; try again in a moment.")


async def adapt_execution_no_more(call: Call) -> Reply:
    """Let it stay as large as it is.

    A second call changes nothing.
    """
    execution = await find_execution(call.context.store, call.who, call.path["id"], scopes.EXECUTIONS)
    by = call.who.name
    return await reply(call, await call.context.store.adapt_no_more(execution.id, by, f"off, as {by} asked"))


OPERATIONS = (
    Operation(
        "PUT",
        "/executions/{id}/adaptation",
        adapt_execution,
        scope=scopes.EXECUTIONS,
        body=Adaptation,
        response=ExecutionView,
        problems=(409,),
    ),
    Operation(
        "DELETE",
        "/executions/{id}/adaptation",
        adapt_execution_no_more,
        scope=scopes.EXECUTIONS,
        response=ExecutionView,
        problems=(409,),
    ),
)
