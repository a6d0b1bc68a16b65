"""Asynchronous iteration that ends when its reader does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")


@asynccontextmanager
async def closed(items: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Close a generator on leaving, so that its own cleaning up happens now and not whenever it is collected."""
    try:
        yield items
    finally:
        if (close := getattr(items, "aclose", None)) is not None:
            await close()
