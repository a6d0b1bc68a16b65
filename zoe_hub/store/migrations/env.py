"""Alembic runs this file for every command on Zoe's migrations."""

from __future__ import annotations

from alembic import context

from zoe_hub.store.tables import metadata
from zoe_hub.store.upgrade import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
