"""The commands about how long executions live, and how that is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from ..client import ExecutionView
from ..model.durations import format_seconds
from .output import emit
from .place import Place


def keep(place: Place, name: str, span: str, as_json: bool) -> None:
    """Keep an execution, though idle."""

    async def work() -> None:
        async with place.client() as client:
            view = await client.keep(name, span)
        if as_json:
            emit(view.model_dump(mode="json"))
        else:
            until = view.life.kept_until
            print(f"{view.name} is {f'kept until {_moment(until)}' if until else 'not kept any more'}.")

    asyncio.run(work())


def ending(view: ExecutionView) -> str:
    """When and why it will end, where that is near."""
    life = view.life
    if life.expires is None or view.state.ended or view.desired == "terminated":
        return ""
    return f"ends at {_moment(life.expires)}: {life.why}"


def life(view: ExecutionView) -> Sequence[tuple[str, str]]:
    """What `show` says of its life."""
    if view.state.ended:
        return ()
    lifetime = view.plan.lifetime
    tied = view.attachment is not None and not view.attachment.outlive
    idle = lifetime.idle_while(tied)
    facts = [
        ("ends after", " or ".join(
            [f"{format_seconds(idle)} idle"] * bool(idle) + [format_seconds(lifetime.maximum)] * bool(lifetime.maximum)
        )),
        ("last active", _moment(view.life.last_active) if idle and view.life.last_active else ""),
        ("kept until", _moment(view.life.kept_until) if view.life.kept_until else ""),
        ("ends", ending(view).removeprefix("ends ")),
    ]  # fmt: skip
    return facts


def _moment(when: datetime) -> str:
    return when.astimezone().strftime("%Y-%m-%d %H:%M:%S")
