"""Brings a database's schema to this version of Zoe."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from .errors import NewerDatabase, OlderDatabase

if TYPE_CHECKING:
    from alembic.config import Config

VERSION_TABLE = "zoe_version"
"""Not Alembic's default, so that Zoe's tables can lie beside JupyterHub's."""

_MIGRATIONS = Path(__file__).parent / "migrations"

_LOCK = 0x7A6F65
"""Any number, the same for all versions of Zoe: the advisory lock on PostgreSQL."""

_LONGEST_PAUSE = 60
"""Seconds after which PostgreSQL ends an upgrade that does nothing any more, such as one that was stopped."""


def configuration(connection: Connection) -> Config:
    """Alembic's settings for Zoe's migrations, run inside the connection's transaction."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@cache
def revisions() -> tuple[str, ...]:
    """Of all migrations, the first one first. To ask Alembic takes longer than all else that a start does."""
    return tuple(sorted(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py")))


def _newest() -> str:
    return revisions()[-1]


def _present(connection: Connection) -> set[str]:
    if not inspect(connection).has_table(VERSION_TABLE):
        return set()
    return set(connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalars())


def check_schema(connection: Connection) -> None:
    """Raises NewerDatabase when a newer service has changed the schema since this one opened the database."""
    present = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    if present != _newest():
        raise _newer(str(present))


def require_schema(connection: Connection) -> None:
    """Raises NewerDatabase or OlderDatabase when the schema is not this version's. Changes nothing."""
    present = _present(connection)
    if not present:
        raise OlderDatabase("This database holds nothing of Zoe's. Start the service once, which makes its tables.")
    for revision in present:
        if revision > _newest():
            raise _newer(revision)
        if revision < _newest():
            raise OlderDatabase(
                f"Zoe's database has the schema {revision!r}, made by an earlier version of Zoe; this one reads "
                f"{_newest()!r}. Start the service of this version once, which brings it forward."
            )


def _newer(present: str) -> NewerDatabase:
    return NewerDatabase(
        f"Zoe's database has the schema {present!r}, made by a newer version of Zoe; this one knows up to "
        f"{_newest()!r}. Install the newer version again, or restore the backup made before it."
    )


def upgrade(connection: Connection) -> None:
    """Run the migrations that are missing; all of them or, when one fails, none.

    The connection's transaction excludes other writers, so services that start at the same time do it
    one after the other. Raises NewerDatabase when the schema is one that this version does not know yet,
    OlderDatabase when it is one that it knows no more.
    """
    if connection.dialect.name == "postgresql":
        # It takes as long as it takes; so does reading it on a busy machine, and waiting for another service's.
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = '{_LONGEST_PAUSE}s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    present, known = _present(connection), revisions()
    for revision in present:
        # Ours are numbers of equal length.
        if revision < known[0]:
            raise OlderDatabase(
                f"Zoe's database has the schema {revision!r}, made by a version of Zoe that is too old; this one knows "
                f"those from {known[0]!r} on. Run a version between the two once, which brings it forward."
            )
        if revision not in known:
            raise _newer(revision)
    if present != {_newest()}:
        from alembic import command

        command.upgrade(configuration(connection), "head")
