"""Brings a database's schema to this version of Zoe."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from .errors import NewerDatabase, OlderDatabase

VERSION_TABLE = "zoe_version"
"""Not Alembic's default, so that Zoe's tables can lie beside JupyterHub's."""

_MIGRATIONS = Path(__file__).parent / "migrations"

_LOCK = 0x7A6F65
"""Any number, the same for all versions of Zoe: the advisory lock on PostgreSQL."""


def configuration(connection: Connection) -> Config:
    """Alembic's settings for Zoe's migrations, run inside the connection's transaction."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@cache
def _newest() -> str:
    head = ScriptDirectory(str(_MIGRATIONS)).get_current_head()
    assert head is not None
    return head


def check_schema(connection: Connection) -> None:
    """Raises NewerDatabase when a newer service has changed the schema since this one opened the database."""
    present = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    if present != _newest():
        raise _newer(str(present))


def require_schema(connection: Connection) -> None:
    """Raises NewerDatabase or OlderDatabase when the schema is not this version's. Changes nothing."""
    present = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_heads()
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
        # A migration takes as long as it takes, and so does waiting for another service's.
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    config = configuration(connection)
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    present = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_heads()
    for revision in present:
        # Ours are numbers of equal length.
        if revision < min(known):
            raise OlderDatabase(
                f"Zoe's database has the schema {revision!r}, made by a version of Zoe that is too old; this one knows "
                f"those from {min(known)!r} on. Run a version between the two once, which brings it forward."
            )
        if revision not in known:
            raise _newer(revision)
    if set(present) != set(scripts.get_heads()):
        command.upgrade(config, "head")
