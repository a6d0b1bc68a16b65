"""What ``zoe admin`` does."""

from __future__ import annotations

import asyncio
import re
import sys
from contextlib import aclosing
from datetime import datetime, timedelta, timezone

from ..client.administration import AuditLineView
from ..model.audit import AuditQuery
from ..model.errors import InvalidRequest
from . import exits
from .output import emit, emit_line, table
from .place import Place

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def health(place: Place, as_json: bool) -> None:
    """Print how the service is; exit with 1 when it is not ready."""

    async def work() -> bool:
        async with place.administrators_client() as client:
            found = await client.readiness()
        if as_json:
            emit(found.model_dump(mode="json"))
        else:
            print(f"Zoe is {found.status}; its engine is {found.role}.")
            rows = [(name, "good" if check.ok else "bad", check.detail) for name, check in found.checks.items()]
            table(("part", "is", "because"), rows, empty="The service looks at nothing.")
        return found.ready

    if not asyncio.run(work()):
        sys.exit(exits.REFUSED)


def audit(place: Place, query: AuditQuery, limit: int, as_json: bool) -> None:
    """Print lines of the audit trail, the newest last."""

    async def work() -> list[AuditLineView]:
        found: list[AuditLineView] = []
        async with place.administrators_client() as client, aclosing(client.audit(query)) as lines:
            async for line in lines:
                found.append(line)
                if len(found) == limit:
                    break
        return found

    lines = asyncio.run(work())[::-1]
    if as_json:
        for line in lines:
            emit_line(line.model_dump(mode="json"))
        return
    rows = [
        (
            f"{line.time.astimezone():%Y-%m-%d %H:%M:%S}",
            line.caller or "(unknown)",
            line.address,
            line.action if line.count == 1 else f"{line.action} ({line.count} times)",
            line.execution or line.target,
            line.owner or "",
            f"{line.outcome} ({line.status})",
        )
        for line in lines
    ]
    table(("when", "who", "from", "what", "on", "whose", "outcome"), rows, empty="There is no such line.")


def time_of(text: str) -> datetime:
    """A point in time, or how long ago it was: ``2026-03-01``, ``2h``. Raises InvalidRequest."""
    ago = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if ago:
        return datetime.now(timezone.utc) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        # Without a zone, this machine's: it is a person who asks.
        return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise InvalidRequest(
            f"{text!r} is no time; write 2026-03-01, 2026-03-01T09:00, or how long ago it was, such as 2h or 7d."
        ) from None
