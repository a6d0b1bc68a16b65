"""How long clusters live, as a notebook says and shows it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from pydantic import ValidationError

from zoe_hub.client.views import ExecutionView
from zoe_hub.model.durations import format_seconds
from zoe_hub.model.errors import InvalidParameter
from zoe_hub.model.zapp import LifetimeWish


def wished(lifetime: Mapping[str, Any] | None) -> LifetimeWish | None:
    """What `attach` was given as `lifetime`. Raises InvalidParameter."""
    if lifetime is None:
        return None
    if not isinstance(lifetime, Mapping):
        reason = f"{lifetime!r} does not say which time; write {{'idle': '2h'}} or {{'maximum': '2h'}}"
        raise InvalidParameter("lifetime", reason)
    try:
        return LifetimeWish.model_validate(dict(lifetime))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(["lifetime", *map(str, first["loc"])])
        if first["type"] == "extra_forbidden":
            raise InvalidParameter(name, f"there is only {', '.join(LifetimeWish.model_fields)}") from None
        raise InvalidParameter(name, str(first["msg"]).removeprefix("Value error, ")) from None


def notice(view: ExecutionView, now: datetime | None = None) -> str:
    """When, why and what to do, in a line; nothing where no end is near."""
    life = view.life
    if life.expires is None or view.state.ended or view.desired == "terminated":
        return ""
    left = (life.expires - (now or datetime.now(timezone.utc))).total_seconds()
    when = f"in {format_seconds(left if left < 60 else left // 60 * 60)}" if left >= 1 else "now"
    return f"ends {when}: {life.why}"


def announcement(view: ExecutionView) -> str:
    """The line that the notebook shows when the end of a cluster comes near."""
    told = f"{view.name} {notice(view)}"
    if view.life.advice:
        told += f" ({view.life.advice})"
    keep = view.plan.lifetime.keep
    if keep and "keep" in view.life.advice:
        told += f". To keep it: %zoe keep {view.name} {min(keep, 7200) // 60}min"
    return told
