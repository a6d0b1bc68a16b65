"""Users who are no more."""

from __future__ import annotations

from pydantic import BaseModel, Field

from .. import scopes
from ..access import lacks
from ..operations import Call, Operation, Reply


class ForgottenView(BaseModel):
    """What is being forgotten."""

    user: str
    live: int = Field(description="Executions that are being ended first.")
    executions: int = Field(description="Executions in all, which are deleted with their events and logs.")


async def forget_user(call: Call) -> Reply:
    """Forget a user who was deleted, so that the next one of that name finds nothing.

    Live executions are terminated, ZApps of the user's own deleted at once, and all executions, with events and logs,
    within some minutes of their end. What is started under the name afterwards is not concerned. For administrators.
    """
    if not scopes.reaches_all(call.who.scopes):
        raise lacks(scopes.ADMIN_EXECUTIONS)
    name = call.path["name"]
    live, count = await call.context.store.forget_owner(name, by=call.who.name)
    call.context.wake()
    return Reply(ForgottenView(user=name, live=live, executions=count), status=202)


OPERATIONS = (
    Operation(
        "DELETE",
        "/users/{name}",
        forget_user,
        scope=scopes.ADMIN_EXECUTIONS,
        response=ForgottenView,
        status=202,
    ),
)
