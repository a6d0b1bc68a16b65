"""New clusters for a notebook: started, waited for and connected, or taken back."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Mapping
from typing import Any

from zoe_hub.client import ExecutionView
from zoe_hub.model.commands import Submit
from zoe_hub.model.errors import ExecutionEnded, InvalidRequest, ZoeError
from zoe_hub.model.execution import InstanceState

from .adapting import adapt_alike
from .attachments import Attached
from .core import Core, bound, connected
from .lives import wished
from .portal import Caller
from .progress import Progress

_CLEAN_UP = 20.0
"""Seconds that an interrupted call takes at most to tidy up."""


async def attach(
    core: Core,
    caller: Caller,
    zapp: str,
    name: str | None,
    parameters: Mapping[str, Any],
    timeout: float | None,
    *,
    outlive: bool = False,
    lifetime: Mapping[str, Any] | None = None,
    expected: int | float | str | None = None,
) -> Attached:
    """A new cluster, connected. When interrupted or failed, none is left behind."""
    wish = wished(lifetime)
    again = _found_before(core, zapp, name, parameters)
    if again is not None:
        again.found = False
        progress = Progress(caller, again.view.name)
        progress.seen(again.view)
        progress.finish(f"was attached to this notebook already{bound(again)}")
        return again
    attachment = core.attachment(outlive)
    submit = Submit.of(
        zapp=zapp, parameters=dict(parameters), name=name, attachment=attachment, lifetime=wish, expected=expected
    )
    progress = Progress(caller, name or zapp)
    progress.start()
    submitting = asyncio.ensure_future(core.client.submit(submit, idempotency_key=uuid.uuid4().hex))
    attached: Attached | None = None
    try:
        view = await asyncio.shield(submitting)
        progress.seen(view)
        if not view.plan.attachable:
            raise InvalidRequest(f"{zapp!r} cannot be attached to a notebook: nothing of it has a client for one.")
        attached = await core.establish(caller, view, progress, timeout)
    except BaseException as error:
        said = await _give_up(core, submitting, progress, error)
        if said is None:
            raise
        raise said from error
    finally:
        progress.stop()
    progress.finish(connected(attached), state=attached.view.state.value)
    return attached


def _found_before(core: Core, zapp: str, name: str | None, parameters: Mapping[str, Any]) -> Attached | None:
    """The cluster that the same cell attached before the kernel was restarted, so that running a notebook
    again from its top does not start everything twice."""
    for attached in core.attachments:
        view = attached.view
        same = view.zapp == zapp and name in (None, view.name) and not view.state.ended and attached.found
        if same and all(str(view.parameters.get(key)) == str(value) for key, value in parameters.items()):
            return attached
    return None


async def swap(
    core: Core,
    caller: Caller,
    old: Attached,
    zapp: str | None,
    name: str | None,
    parameters: Mapping[str, Any],
    timeout: float | None,
    *,
    adapt: bool = False,
) -> Attached:
    """A new cluster in place of the old one, which stays if the new one does not come."""
    core.check_not_ourselves(old)
    try:
        outlive = old.view.attachment is not None and old.view.attachment.outlive
        same = zapp in (None, old.view.zapp)
        new = await attach(
            core,
            caller,
            zapp or old.view.zapp,
            name,
            parameters,
            timeout,
            outlive=outlive,
            lifetime=old.view.plan.lifetime.model_dump() if same else None,
        )
    except ZoeError as error:
        error.args = (f"{error}\n{old.view.name} stays attached, as it was.", *error.args[1:])
        raise
    refused = await adapt_alike(core.client, old, new) if adapt else None
    await core.terminate(caller, old, wait=False)
    if refused is not None:
        raise InvalidRequest(f"{new.view.name} took over, but does not follow its load: {refused}") from refused
    return new


async def _give_up(
    core: Core, submitting: asyncio.Future[ExecutionView], progress: Progress, error: BaseException
) -> ZoeError | None:
    """End what an attachment that came to nothing has started; the error to raise instead, if there is one."""
    outcome = "not started"
    with contextlib.suppress(ZoeError, TimeoutError, asyncio.TimeoutError):
        view = await asyncio.wait_for(asyncio.shield(submitting), _CLEAN_UP)
        if isinstance(error, ExecutionEnded):
            view = await core.client.execution(view.id)
            progress.finish(view.ending, state="failed")
            return ExecutionEnded(str(error) + await _last_words(core, view))
        outcome = f"Zoe could not be told to end it: zoe.connect({view.name!r}) finds it when Zoe is back"
        await core.client.terminate(view.id)
        why = "interrupted" if isinstance(error, asyncio.CancelledError) else "not attached"
        progress.finish(f"{why}; it is being terminated", state="stopping")
        return None
    progress.finish(outcome, state="failed")
    return None


async def _last_words(core: Core, view: ExecutionView) -> str:
    """The last lines of the instance that made a start fail."""
    failed = [i for i in view.instances if i.state is InstanceState.FAILED or i.exit_code]
    if not failed:
        return ""
    worst = max(failed, key=lambda i: (i.state is InstanceState.FAILED, i.restarts))
    try:
        text = await core.read_logs(view.id, worst.process, worst.ordinal, 15)
    except ZoeError:
        return ""
    return f"\n\nThe last lines of {worst.process}.{worst.ordinal}:\n{text.rstrip()}" if text.strip() else ""
