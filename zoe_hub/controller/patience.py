"""Doing what must be done, however long the store is away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ..model.errors import ServiceUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")


async def surely(work: Callable[[], Awaitable[T]], meanwhile: str, *, pause: float = 1.0) -> T:
    """What `work` gives, tried again every `pause` seconds while it raises ServiceUnavailable.

    `meanwhile` tells the log what is not so as long as that lasts. Raises whatever else `work` raises.
    """
    while True:
        try:
            return await work()
        except ServiceUnavailable as error:
            log.warning("%s: %s", meanwhile, error)
            await asyncio.sleep(pause)
