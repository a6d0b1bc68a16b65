"""How the owner's kernel connects: the only answer of the interface that holds secrets."""

from __future__ import annotations

from pathlib import Path

from ...model.bindings import bindings
from ...model.errors import Conflict, InvalidDocument
from ...model.execution import Execution, ExecutionState
from ...model.references import bind
from .. import scopes
from ..access import find_execution
from ..context import WebContext
from ..operations import Call, Operation, Reply
from ..views import ClientView, ConnectionView, ui_pages


async def get_connection(call: Call) -> Reply:
    """How the owner's kernel connects.

    For the owner only, while it runs. Holds secrets; never cached.
    """
    context = call.context
    execution = await find_execution(context.store, call.who, call.path["id"], scopes.CONNECT)
    if execution.state is not ExecutionState.RUNNING:
        why = f": {execution.reason}" if execution.reason else ""
        raise Conflict(f"{execution.name} is {execution.state.value}, not running{why}.")
    view = ConnectionView(
        execution=execution.id,
        name=execution.name,
        clients=_clients(context, execution),
        ui=ui_pages(execution, context.public_prefix),
    )
    return Reply(view, headers={"Cache-Control": "no-store"})


def values_of(context: WebContext, execution: Execution, framework: str) -> dict[str, str]:
    """References and values for the texts of one framework of an execution: secrets and addresses."""
    derived = context.secrets.references(execution.plan, execution.id, execution.created)
    return bindings(execution, framework, derived.get(framework, {}), context.prefix)


def _clients(context: WebContext, execution: Execution) -> list[ClientView]:
    found: list[ClientView] = []
    for framework in execution.plan.frameworks:
        if framework.client is None:
            continue
        values = values_of(context, execution, framework.name)
        found.append(
            ClientView(
                framework=framework.name,
                module=framework.client.module,
                source=_source(context.catalogue.folder(framework.name), framework.client.module),
                connection={name: bind(text, values) for name, text in framework.client.connection.items()},
            )
        )
    return found


def _source(folder: Path, module: str) -> str:
    root = folder.resolve()
    path = (root / module).resolve()
    if path.parent != root or not path.is_file():
        raise InvalidDocument(f"the framework's folder has no file {module}")
    return path.read_text(encoding="utf-8")


OPERATIONS = (
    Operation(
        "GET",
        "/executions/{id}/connection",
        get_connection,
        scope=scopes.CONNECT,
        response=ConnectionView,
        problems=(409,),
    ),
)
