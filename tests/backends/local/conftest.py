"""Fixtures for the local back end.

`settings`  settings of a back end with a folder of its own
`backend`   an open one; everything that it started is removed afterwards
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.backends.leftovers import remove_everything
from zoe_hub.backends.local import LocalBackend, LocalSettings


@pytest.fixture
def settings(tmp_path: Path) -> LocalSettings:
    return make_settings(tmp_path / "zoe")


def make_settings(folder: Path) -> LocalSettings:
    return LocalSettings(
        folder=folder, framework_folder=lambda name: folder / "frameworks" / name, cache_folder=folder / "cache"
    )


@pytest.fixture
async def backend(settings: LocalSettings) -> AsyncIterator[LocalBackend]:
    backend = LocalBackend(settings)
    await backend.open()
    yield backend
    await backend.close()
    await remove_everything(LocalBackend(settings))
