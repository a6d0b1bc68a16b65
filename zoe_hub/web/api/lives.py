"""How long executions live: their owners keep them, kernels let them go."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from ...model.commands import KeepAlive
from ...model.durations import format_seconds
from ...model.errors import InvalidParameter
from ...model.execution import Attachment, Execution
from .. import scopes
from ..access import find_execution
from ..operations import Call, Operation, Reply
from ..views import ExecutionView
from .answers import reply


async def keep_execution(call: Call) -> Reply:
    """Keep it, though idle, for a while from now.

    As long as its lifetime's `keep` allows, as often as wanted, never beyond its longest life. 0 takes an earlier
    wish back.
    """
    keep: KeepAlive = call.body
    execution = await find_execution(call.context.store, call.who, call.path["id"], scopes.EXECUTIONS)
    now = datetime.now(timezone.utc)
    _check_bounds(execution, keep.seconds, now)
    until = now + timedelta(seconds=keep.seconds) if keep.seconds else None
    return await reply(call, await call.context.store.keep(execution.id, until, by=call.who.name))


async def end_with_kernel(call: Call) -> Reply:
    """End it with its kernel.

    For the user's server, which sees kernels go for good. One that is tied to another kernel by now, or outlives its
    own, goes on. A second call changes nothing.
    """
    execution = await find_execution(call.context.store, call.who, call.path["id"], scopes.EXECUTIONS)
    server = execution.attachment.server if execution.attachment else ""
    ended = await call.context.store.end_tied(
        execution.id,
        Attachment(server=server, kernel=call.path["kernel"]),
        by=call.who.name,
        reason="the kernel of its notebook ended",
    )
    call.context.wake()
    return await reply(call, ended, status=202)


def _check_bounds(execution: Execution, seconds: int, now: datetime) -> None:
    lifetime, since = execution.plan.lifetime, execution.life.running_since
    if seconds > lifetime.keep:
        bound = f"for at most {format_seconds(lifetime.keep)} from now" if lifetime.keep else "not at all"
        raise InvalidParameter("seconds", f"{execution.name} can be kept {bound}; asked for {format_seconds(seconds)}")
    if lifetime.maximum and since is not None:
        left = int((since + timedelta(seconds=lifetime.maximum) - now).total_seconds())
        if seconds > max(left, 0):
            raise InvalidParameter(
                "seconds",
                f"{execution.name} may run for {format_seconds(lifetime.maximum)} in all, of which "
                f"{format_seconds(max(left, 0))} are left; asked for {format_seconds(seconds)}",
            )


OPERATIONS = (
    Operation(
        "PUT",
        "/executions/{id}/keep-alive",
        keep_execution,
        scope=scopes.EXECUTIONS,
        body=KeepAlive,
        response=ExecutionView,
        problems=(409,),
    ),
    Operation(
        "DELETE",
        "/executions/{id}/kernels/{kernel}",
        end_with_kernel,
        scope=scopes.EXECUTIONS,
        response=ExecutionView,
        status=202,
    ),
)
