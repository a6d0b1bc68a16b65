"""Waiting for what happens elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from inspect import isawaitable
from typing import Any


async def until(so: Callable[[], Any], *, interval: float = 0.02) -> Any:
    """Return what `so` gives, as soon as that is true. `so` may be asynchronous; pytest's time limit ends it."""
    while True:
        found = so()
        if isawaitable(found):
            found = await found
        if found:
            return found
        await asyncio.sleep(interval)
