"""Brings a database's schema to this version of Zoe."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from .errors import NewerDatabase

VERSION_TABLE = "zoe_version"
"""Not Alembic's default, so that Zoe's tables can lie beside JupyterHub's."""

_LOCK = 0x7A6F65
"""Any number, the same for all versions of Zoe: the advisory lock on PostgreSQL."""


def configuration(connection: Connection) -> Config:
    """Alembic's settings for Zoe's migrations, run inside the connection's transaction."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection) -> None:
    """Run the migrations that are missing; all of them or, when one fails, none.

    The connection's transaction excludes other writers, so services that start at the same time do it
    one after the other. Raises NewerDatabase when the schema is one that this version does not know.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    config = configuration(connection)
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    present = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_heads()
    unknown = [revision for revision in present if revision not in known]
    if unknown:
        raise NewerDatabase(
            f"Zoe's database has the schema {unknown[0]!r}, made by a newer version of Zoe; this one knows up to "
            f"{scripts.get_current_head()!r}. Install the newer version again, or restore the backup made before it."
        )
    if set(present) != set(scripts.get_heads()):
        command.upgrade(config, "head")
