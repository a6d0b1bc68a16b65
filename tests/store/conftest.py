"""Fixtures: `url` of a new empty database, once for each kind of database; `store`, open on it.

PostgreSQL takes part when `ZOE_TEST_POSTGRESQL_URL` names a server where databases may be made.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import create_engine, make_url, text

from zoe_hub.store.sql import SQLStore

pytest.register_assert_rewrite(
    "tests.store.contract", "tests.store.submitting", "tests.store.changing", "tests.store.leading"
)

# How fast the machine is just now, is no property of the code.
settings.register_profile("zoe", deadline=None)
settings.load_profile("zoe")

POSTGRESQL = os.environ.get("ZOE_TEST_POSTGRESQL_URL")


@pytest.fixture(params=["sqlite", *(["postgresql"] if POSTGRESQL else [])])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/zoe.sqlite"
        return
    assert POSTGRESQL is not None
    server = make_url(POSTGRESQL).set(drivername="postgresql+psycopg")
    name = f"zoe_test_{os.urandom(6).hex()}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield server.set(database=name).render_as_string(hide_password=False)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture
async def store(url: str) -> AsyncIterator[SQLStore]:
    store = SQLStore(url)
    await store.open()
    yield store
    await store.close()
