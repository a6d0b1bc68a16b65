"""What all tests share.

Fixtures: `postgresql`, the URL of a PostgreSQL server, started once when a test needs it (or the one that
`ZOE_TEST_POSTGRESQL_URL` names); `postgresql_url`, a new empty database there; `any_database`, a new empty
database, once for each kind.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine, make_url, text

from scripts import postgresql as server

# Machines are noisy: how long one example takes says nothing.
settings.register_profile("zoe", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("zoe")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    given = os.environ.get("ZOE_TEST_POSTGRESQL_URL")
    if given:
        yield given
        return
    with server.running() as url:
        yield url


@pytest.fixture
def postgresql_url(postgresql: str) -> Iterator[str]:
    url = make_url(postgresql).set(drivername="postgresql+psycopg")
    name = f"zoe_test_{os.urandom(6).hex()}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield url.set(database=name, drivername="postgresql").render_as_string(hide_password=False)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/zoe.sqlite"
    url: str = request.getfixturevalue("postgresql_url")
    return url
