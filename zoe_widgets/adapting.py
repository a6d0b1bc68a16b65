"""Clusters that follow their load, as a notebook asks for it and shows it."""

from __future__ import annotations

import operator
from typing import Any

from pydantic import ValidationError

from zoe_hub.client import ExecutionView, ZoeClient
from zoe_hub.model.adaptation import Adaptation
from zoe_hub.model.errors import InvalidParameter, ZoeError
from zoe_hub.model.events import Event, EventKind

from .attachments import Attached


def bounds(minimum: Any, maximum: Any, hold: Any) -> Adaptation:
    """What `adapt` was given. Raises InvalidParameter, which names what is none."""
    try:
        return Adaptation(minimum=_whole("minimum", minimum), maximum=_whole("maximum", maximum), hold=hold)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        reason = str(first["msg"]).removeprefix("Value error, ")
        raise InvalidParameter(".".join(map(str, first["loc"])), reason) from None


async def adapt(client: ZoeClient, attached: Attached, minimum: Any, maximum: Any, hold: Any) -> None:
    """Let it follow its load between two sizes. Raises InvalidParameter, which names what is none."""
    attached.saw(await client.adapt(attached.id, bounds(minimum, maximum, hold)))


async def adapt_alike(client: ZoeClient, old: Attached, new: Attached) -> ZoeError | None:
    """Let one follow its load between the bounds of another; what speaks against it, where something does."""
    if old.view.adaptation is not None:
        try:
            new.saw(await client.adapt(new.id, old.view.adaptation))
        except ZoeError as error:
            return error
    return None


async def stop_adapting(client: ZoeClient, attached: Attached) -> None:
    """Let it stay as large as it is."""
    attached.saw(await client.adapt_no_more(attached.id))


def _whole(name: str, number: Any) -> int:
    try:
        return operator.index(number)
    except TypeError:
        raise InvalidParameter(name, f"{number!r} is no number of workers; give a whole number, such as 4") from None


def following(view: ExecutionView) -> str:
    """Between which sizes it follows its load, and what came of that last; empty where it never did."""
    if view.state.ended:
        return ""
    if view.adaptation is None:
        return view.adapted
    return f"{view.adaptation}" + (f" ({view.adapted})" if view.adapted else "")


def announcement(event: Event, view: ExecutionView) -> str:
    """The line that the notebook shows when a cluster changed its size by itself; empty for any other event."""
    if event.kind is EventKind.EXECUTION_SCALED and event.data.get("reason"):
        return f"{view.name}: {event.data['reason']}"
    if event.kind is EventKind.EXECUTION_ADAPTED and event.data.get("reason") and "by" not in event.data:
        return f"{view.name} {event.data['reason']}"
    return ""
