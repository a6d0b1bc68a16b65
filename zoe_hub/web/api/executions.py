"""Executions: submit, see, scale, attach, terminate."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated

from pydantic import Field

from ...composition import rescale
from ...logs import note
from ...model.commands import Modify, Report, Submit
from ...model.errors import Conflict, InvalidRequest, NotPermitted, Overtaken
from ...model.execution import Attachment, Execution, ExecutionState, InstanceState, InstanceStatus
from ...model.framework import Placement
from ...model.queries import ExecutionQuery
from ...store.base import Submission
from ...store.changes import InstanceReported
from .. import scopes
from ..access import find_execution, lacks
from ..operations import Call, Headers, Operation, Query, Reply
from ..owners import groups_of
from ..previews import costs_of, preview, refused
from ..views import ExecutionList, ExecutionView, PlanView
from .answers import reply, views
from .plans import check_capacity, plan_of

EVERYBODY = "*"
REACHED = "@"
Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
_TRIES = 10
"""How often a change is made again because somebody else was faster."""


class SubmitHeaders(Headers):
    """Headers of a submission."""

    idempotency_key: str | None = Field(
        default=None,
        alias="idempotency-key",
        pattern=r"^[\x21-\x7e]{1,200}$",
        description="Up to 200 printable characters. The same key never starts anything twice.",
    )


class ListQuery(Query):
    """Which executions."""

    live: bool | None = Field(default=None, description="True: those that have not ended; false: those that have.")
    name: str | None = Field(default=None, max_length=200)
    server: str | None = Field(default=None, max_length=400, description="Attached to this user server, `user/name`.")
    state: ExecutionState | None = Field(default=None, description="In this state.")
    text: Text = Field(default="", description="Part of the name, the ZApp's name or the owner, in either case.")
    owner: str | None = Field(
        default=None,
        max_length=200,
        description=f"Somebody else's, or everybody's (`{EVERYBODY}`): with the scope for administrators. "
        f"`{REACHED}`: of all whom one administers, such as the members of a group. "
        "Without it: one's own; a service's: everybody's.",
    )
    limit: int = Field(default=1000, ge=1, le=1000, description="At most so many.")
    offset: int = Field(default=0, ge=0, le=1_000_000, description="Leave out so many of the newest.")


async def plan_execution(call: Call) -> Reply:
    """What a submission would run, and whether it would start now.

    Nothing is stored. Who asks for many in a short time gets plans without the outlook, and without what it costs of
    quotas.
    """
    submit: Submit = call.body
    # The outlook speaks of what the owner uses: only who may start for somebody may ask for them.
    owner = call.who.user if submit.owner in (None, call.who.user) else _owner_of(call, submit.owner)
    plan, _ = await plan_of(call, submit)
    await check_capacity(call.context, plan)
    outlooks = call.context.outlooks
    # To foresee costs more than all else that may be asked: who asks for many plans gets them without.
    if outlooks is None or owner is None or call.context.foreseen.take(owner):
        return Reply(PlanView.of(plan, preview=preview(plan)))
    groups = await groups_of(call, owner)
    accounts = await call.context.store.accounts(owner, groups)
    outlook = refused(plan, owner, groups, accounts) or await outlooks.of_plan(owner, plan, groups)
    costs = costs_of(plan, owner, groups, accounts)
    return Reply(PlanView.of(plan, outlook, preview(plan, outlook, costs)))


async def submit_execution(call: Call) -> Reply:
    """Run a ZApp.

    The wish is stored; `Location` says where to watch what comes of it. A repetition with the same
    `Idempotency-Key` gives the execution stored first.
    """
    submit: Submit = call.body
    owner = _owner_of(call, submit.owner)
    key, fingerprint = call.headers.idempotency_key, _fingerprint(submit)
    # Before all else: what was possible when it was sent first may not be any more, such as its ZApp's name.
    earlier = await call.context.store.submitted(owner, key, fingerprint) if key is not None else None
    if earlier is not None:
        note(execution=earlier.id)
        return await reply(call, earlier, status=202, location=True)
    plan, _ = await plan_of(call, submit)
    # Not even for a server of one's own: with the end of what claims to be one, all that is attached to it ends.
    if plan.server is not None and (submit.attachment is None or not call.who.admin):
        raise InvalidRequest(
            f"{plan.zapp} contains a notebook server, which only JupyterHub starts: start it from the Hub's pages "
            "or the Hub's REST interface."
        )
    _check_attachment(submit.attachment, owner)
    await check_capacity(call.context, plan)
    execution, new = await call.context.store.submit(
        Submission(
            owner=owner,
            plan=plan,
            parameters=submit.parameters,
            name=submit.name,
            attachment=submit.attachment,
            expected=submit.expected,
            idempotency_key=key,
            fingerprint=fingerprint,
            groups=await groups_of(call, owner),
        )
    )
    note(execution=execution.id)
    if new:
        call.context.metrics.submitted.labels(call.context.metrics.zapp(execution.zapp)).inc()
    call.context.wake()
    return await reply(call, execution, status=202, location=True)


async def list_executions(call: Call) -> Reply:
    """Executions, newest first."""
    query: ListQuery = call.query
    owners = readable_owners(call, query.owner)
    chosen = query.model_dump(exclude={"owner"})
    found, total = await call.context.store.search(ExecutionQuery(**chosen, owners=owners))
    return Reply(ExecutionList(executions=await views(call, found), total=total))


async def get_execution(call: Call) -> Reply:
    """One execution, with its instances and live figures.

    Here and below, `{id}` is the identifier, or the name of an execution of the caller's own.
    """
    return await reply(call, await _find(call, scopes.READ_EXECUTIONS))


async def modify_execution(call: Call) -> Reply:
    """Scale: change the parameters that may change while it runs.

    The answer has the parameters as they were stored. Who scales next may change them at once: the event
    `execution.scaled` says who did. Where it followed its load, it does not any more.
    """
    modify: Modify = call.body
    for _ in range(_TRIES):
        execution = await _find(call, scopes.EXECUTIONS)
        plan = rescale(execution.plan, modify.parameters, call.context.catalogue.frameworks)
        if plan.core != execution.plan.core or plan.total != execution.plan.total:
            await check_capacity(call.context, plan)
        parameters = {**execution.parameters, **modify.parameters}
        try:
            changed = await call.context.store.modify(
                execution.id,
                parameters,
                plan,
                read=execution.parameters,
                by=call.who.name,
                adapting=plan.scales not in modify.parameters,
            )
        except Overtaken:
            continue
        call.context.wake()
        return await reply(call, changed, status=202)
    raise Overtaken(f"{call.path['id']} is being changed by others all the time; try again in a moment.")


async def terminate_execution(call: Call) -> Reply:
    """Terminate.

    A second call changes nothing.
    """
    execution = await _find(call, scopes.EXECUTIONS)
    ended = await call.context.store.terminate(execution.id, by=call.who.name)
    call.context.wake()
    return await reply(call, ended, status=202)


async def attach_execution(call: Call) -> Reply:
    """Attach to a notebook."""
    execution = await _find(call, scopes.EXECUTIONS)
    _check_attachment(call.body, execution.owner)
    if execution.server is not None and call.body.server != execution.server:
        raise Conflict("This execution is a user's server itself; it cannot be attached to another one.")
    return await reply(call, await call.context.store.attach(execution.id, call.body))


async def detach_execution(call: Call) -> Reply:
    """Detach: it lives on."""
    execution = await _find(call, scopes.EXECUTIONS)
    if execution.server is not None:
        raise Conflict("This execution is a user's server itself; it cannot be detached from it.")
    return await reply(call, await call.context.store.attach(execution.id, None))


async def report_instance(call: Call) -> Reply:
    """Report the state of a user's server, which JupyterHub runs."""
    report: Report = call.body
    if not call.who.admin:
        # Who administers some users only is no spawner.
        raise lacks(scopes.ADMIN_EXECUTIONS)
    execution = await _find(call, scopes.ADMIN_EXECUTIONS)
    key = call.path["process"]
    process = next((process for process in execution.plan.processes if process.key == key), None)
    if process is None or process.placement is not Placement.SERVER:
        raise InvalidRequest(f"{key} is not the user's server of this execution: only that is reported here.")
    digits = call.path["ordinal"]
    ordinal = int(digits) if re.fullmatch("[0-9]{1,5}", digits) else -1
    if not 0 <= ordinal < process.core + process.elastic:
        raise InvalidRequest(f"{key} has {process.core + process.elastic} instance(s), numbered from 0.")
    status = InstanceStatus(execution=execution.id, process=key, ordinal=ordinal, state=InstanceState.PENDING)
    before = next((i for i in execution.instances if (i.process, i.ordinal) == (key, ordinal)), status)
    state = InstanceState(report.state)
    if execution.state.ended and not state.ended:
        raise Conflict(f"The execution is {execution.state.value}.")
    # Refused where it has ended meanwhile: then there is nothing more to say.
    changes = {"state": state, "host": report.host or before.host, "message": report.message}
    await call.context.store.record([InstanceReported(before.model_copy(update=changes))])
    call.context.wake()
    return Reply(status=204)


def readable_owners(call: Call, owner: str | None) -> tuple[str, ...] | None:
    """Whose executions are asked for; none: everybody's. Raises NotPermitted, which names the scope."""
    if owner is None and call.who.user is not None:
        owner = call.who.user
    if owner == REACHED and not call.who.admin and (reached := scopes.reached(call.who.scopes)):
        return reached
    if owner == REACHED:
        owner = EVERYBODY
    if owner is None or owner == EVERYBODY:
        if not call.who.admin:
            raise lacks(scopes.ADMIN_EXECUTIONS)
        return None
    if not call.who.may(scopes.READ_EXECUTIONS, owner):
        raise lacks(scopes.READ_EXECUTIONS if owner == call.who.user else scopes.ADMIN_EXECUTIONS)
    return (owner,)


def _owner_of(call: Call, wanted: str | None) -> str:
    owner = wanted or call.who.user
    if owner is None:
        raise InvalidRequest("A service owns no executions: say for which user, as `owner`.")
    if not call.who.may(scopes.EXECUTIONS, owner):
        raise lacks(scopes.EXECUTIONS if owner == call.who.user else scopes.ADMIN_EXECUTIONS)
    return owner


def _check_attachment(attachment: Attachment | None, owner: str) -> None:
    if attachment is None:
        return
    user, _, name = attachment.server.rpartition("/")
    if not user or len(attachment.server) > 400 or len(name) > 255 or not attachment.server.isprintable():
        raise InvalidRequest("attachment.server is written `user/`, or `user/servername` for a named server.")
    if user != owner:
        raise NotPermitted(f"The server {attachment.server} is not one of {owner}'s; attach to one's own only.")
    if attachment.kernel is not None and not (attachment.kernel.isprintable() and 0 < len(attachment.kernel) <= 100):
        raise InvalidRequest("attachment.kernel is the kernel's identifier, of at most 100 printable characters.")


def _fingerprint(submit: Submit) -> str:
    """Of what was asked for, whichever way it was written."""
    asked = submit.model_dump(mode="json", exclude_defaults=True)
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


async def _find(call: Call, scope: str) -> Execution:
    return await find_execution(call.context.store, call.who, call.path["id"], scope)


OPERATIONS = (
    Operation(
        "POST",
        "/plans",
        plan_execution,
        reads=True,
        scope=scopes.READ_SHOP,
        body=Submit,
        response=PlanView,
        problems=(404,),
    ),
    Operation(
        "POST",
        "/executions",
        submit_execution,
        scope=scopes.EXECUTIONS,
        headers=SubmitHeaders,
        body=Submit,
        response=ExecutionView,
        status=202,
        problems=(404, 409),
    ),
    Operation(
        "GET",
        "/executions",
        list_executions,
        scope=scopes.READ_EXECUTIONS,
        query=ListQuery,
        response=ExecutionList,
        large=True,
    ),
    Operation(
        "GET",
        "/executions/{id}",
        get_execution,
        scope=scopes.READ_EXECUTIONS,
        response=ExecutionView,
    ),
    Operation(
        "PATCH",
        "/executions/{id}",
        modify_execution,
        scope=scopes.EXECUTIONS,
        body=Modify,
        response=ExecutionView,
        status=202,
        problems=(409,),
    ),
    Operation(
        "DELETE",
        "/executions/{id}",
        terminate_execution,
        scope=scopes.EXECUTIONS,
        response=ExecutionView,
        status=202,
    ),
    Operation(
        "PUT",
        "/executions/{id}/attachment",
        attach_execution,
        scope=scopes.EXECUTIONS,
        body=Attachment,
        response=ExecutionView,
        problems=(409,),
    ),
    Operation(
        "DELETE",
        "/executions/{id}/attachment",
        detach_execution,
        scope=scopes.EXECUTIONS,
        response=ExecutionView,
        problems=(409,),
    ),
    Operation(
        "PUT",
        "/executions/{id}/instances/{process}/{ordinal}",
        report_instance,
        scope=scopes.ADMIN_EXECUTIONS,
        body=Report,
        status=204,
        problems=(409,),
    ),
)
