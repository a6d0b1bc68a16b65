"""Fixtures: `url` of a new empty database, once for each kind of database; `store`, open on it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import settings

from zoe_hub.store.sql import SQLStore

pytest.register_assert_rewrite(
    "tests.store.contract",
    "tests.store.auditing",
    "tests.store.living",
    "tests.store.quoting",
    "tests.store.submitting",
    "tests.store.changing",
    "tests.store.leading",
    "tests.store.retaining",
)

# How fast the machine is just now, is no property of the code.
settings.register_profile("zoe", deadline=None)
settings.load_profile("zoe")


@pytest.fixture
def url(any_database: str) -> str:
    return any_database


@pytest.fixture
async def store(url: str) -> AsyncIterator[SQLStore]:
    store = SQLStore(url)
    await store.open()
    yield store
    await store.close()
