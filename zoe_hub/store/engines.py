"""How each kind of database is connected to."""

from __future__ import annotations

import json
import sqlite3
import time
from typing import Any

from pydantic_core import from_json
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import StaticPool

from ..model.errors import InvalidRequest, ServiceUnavailable
from .copying import copy_new_rows

_BUSY_TIMEOUT = 30
"""Seconds for which SQLite waits for another process' transaction."""

_LONGEST_PAUSE = 3
"""Seconds after which PostgreSQL ends a transaction that does nothing any more."""

_LONGEST_WAIT = 4
"""Seconds for which a PostgreSQL transaction waits for what another one locked. A service that was cut off may have
several that wait: each would come to its turn, do nothing, and keep the lock for `_LONGEST_PAUSE` from all others."""

_RIGHT = "right is sqlite:////folder/zoe.sqlite, or postgresql://user:password@host/database"

_CONNECTION = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 8000,
}
"""How soon a PostgreSQL server that is out of reach is noticed: seconds, and milliseconds."""


def _from_json(text: str | bytes) -> Any:
    try:
        return from_json(text)
    # It is fifteen times as fast, and refuses halves of characters, which were stored from what somebody said.
    except ValueError:
        return json.loads(text)


def address(text: str) -> URL:
    """What an administrator wrote. Raises InvalidRequest, which does not say the address: a password may be in it."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise InvalidRequest(f"The database's address is none; {_RIGHT}.") from None
    if url.get_backend_name() not in ("sqlite", "postgresql", "postgres"):
        raise InvalidRequest(f"The database's address begins with {url.drivername}://; {_RIGHT}.")
    return url


def with_driver(url: URL) -> URL:
    """The address with the driver that Zoe uses."""
    # SQLAlchemy 2.0 would take psycopg2.
    return url.set(drivername="postgresql+psycopg") if url.drivername in ("postgresql", "postgres") else url


def in_memory(url: URL) -> bool:
    """Whether an address of SQLite names no file."""
    return url.database in (None, "", ":memory:")


def postgresql_engine(url: URL) -> Engine:
    """Raises ServiceUnavailable without the driver."""
    try:
        engine = create_engine(
            url,
            pool_size=8,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args=_CONNECTION,
            json_deserializer=_from_json,
        )
    except ModuleNotFoundError as error:
        raise ServiceUnavailable(
            "Zoe's database is in PostgreSQL, whose driver is not installed. Install it where Zoe's service runs: "
            "pip install 'zoe-jupyter[postgresql]'."
        ) from error
    copy_new_rows(engine)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        # A service that was stopped in the middle of a transaction must not keep its locks from all others.
        connection.execute(f"SET idle_in_transaction_session_timeout = '{_LONGEST_PAUSE}s'")
        connection.execute(f"SET lock_timeout = '{_LONGEST_WAIT}s'")
        # Hardly anything reads a whole table. A plan that is made while tables are small, or nobody has counted them
        # yet, would, and is kept while they grow.
        connection.execute("SET enable_seqscan = off")
        connection.commit()

    return engine


def sqlite_engine(url: URL) -> Engine:
    """For a file, or for a database in memory."""
    # A database in memory lives as long as its one connection, which must then be everybody's.
    shared = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    # What users gave must not be in the texts of errors, which are logged.
    more = shared if in_memory(url) else {}
    engine = create_engine(url, hide_parameters=True, json_deserializer=_from_json, **more)

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transactions begin too late, at the first write: see `begin`.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT * 1000}")
        _use_write_ahead_log(connection)
        # What was answered is on the disk, whatever happens to the machine: with NORMAL the last commits may be lost.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads first and writes later fails at once if another process wrote in between;
        # one that locks from its beginning waits instead.
        writes = connection.get_execution_options().get("zoe_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    # For this, SQLite does not wait for others by itself: services that start together do it at the same time.
    deadline = time.monotonic() + _BUSY_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
