"""Deletes folders for a service, as long as it leads."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path

from .terms import Term


async def delete(folder: Path, term: Term) -> None:
    """With all that is in it, if it is there. Raises StaleLease where the term was lost meanwhile."""
    # What a service that lost its term in the middle of this goes on deleting, was to be deleted in any case.
    try:
        await asyncio.to_thread(_delete, folder)
    finally:
        term.check()


def _delete(folder: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
