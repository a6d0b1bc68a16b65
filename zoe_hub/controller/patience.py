"""Doing what must be done, however long the store is away, and doing it again and again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ..model.errors import ServiceUnavailable, StaleLease, ZoeError

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


async def repeatedly(work: Callable[[], Awaitable[object]], meanwhile: str, *, every: float) -> None:
    """Do `work` for ever, `every` seconds after it was done before. Raises StaleLease, and what nobody foresaw.

    What fails is done again with the next turn; `meanwhile` tells the log what is not so until then.
    """
    while True:
        try:
            await work()
        except StaleLease:
            raise
        except ServiceUnavailable as error:
            log.warning("%s: %s", meanwhile, error)
        except (ZoeError, OSError):
            log.exception("%s; it is tried again", meanwhile)
        await asyncio.sleep(every)
