"""An execution as the answer to whoever asked for it, or changed it."""

from __future__ import annotations

from collections.abc import Sequence

from ...model.execution import Execution
from ..operations import Call, Reply
from ..views import ExecutionView


async def views(call: Call, executions: Sequence[Execution]) -> list[ExecutionView]:
    """Executions with their live figures, the public addresses of their pages, and what those that wait may expect."""
    outlooks = call.context.outlooks
    expected = {} if outlooks is None else await outlooks.of_waiting(executions)
    return [
        ExecutionView.of(
            execution, call.context.public_prefix, call.context.live(execution.id), expected.get(execution.id)
        )
        for execution in executions
    ]


async def reply(call: Call, execution: Execution, *, status: int = 200, location: bool = False) -> Reply:
    """An answer with the execution as its body. `location` says, too, where to watch it."""
    address = f"{call.context.prefix}api/v1/executions/{execution.id}"
    (view,) = await views(call, [execution])
    return Reply(view, status=status, headers={"Location": address} if location else {})
