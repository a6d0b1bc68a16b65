"""Forgetting users."""

from __future__ import annotations

import asyncio
import sys

from ..client.administration import ForgottenView
from ..model.errors import InvalidRequest
from .output import emit
from .place import Place


def forget_user(place: Place, name: str, yes: bool, as_json: bool) -> None:
    """Ask the service to forget a user who is no more; returns when the wish is stored."""
    if not yes:
        if not sys.stdin.isatty():
            raise InvalidRequest("Give --yes: there is nobody here to ask.")
        if input(f"End and delete everything of {name}? [y/N] ").strip().lower() not in ("y", "yes"):
            return

    async def work() -> ForgottenView:
        async with place.administrators_client() as client:
            return await client.forget_user(name)

    forgotten = asyncio.run(work())
    if as_json:
        emit(forgotten.model_dump(mode="json"))
    else:
        live, count = forgotten.live, forgotten.executions
        print(f"{name}: {live} executions are being ended; {count} in all will be deleted within some minutes.")
