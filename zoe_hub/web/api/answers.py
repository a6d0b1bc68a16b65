"""An execution as the answer to whoever asked for it, or changed it."""

from __future__ import annotations

from ...model.execution import Execution
from ..operations import Call, Reply
from ..views import ExecutionView


def view(call: Call, execution: Execution) -> ExecutionView:
    """The execution with its live figures and the public addresses of its pages."""
    return ExecutionView.of(execution, call.context.public_prefix, call.context.live(execution.id))


def reply(call: Call, execution: Execution, *, status: int = 200, location: bool = False) -> Reply:
    """An answer with the execution as its body. `location` says, too, where to watch it."""
    address = f"{call.context.prefix}api/v1/executions/{execution.id}"
    return Reply(view(call, execution), status=status, headers={"Location": address} if location else {})
