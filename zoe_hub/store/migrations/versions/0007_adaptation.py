"""Which executions follow their load, and how much work their runs were."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "adaptation": sa.JSON(none_as_null=True),
    "adapted": sa.Text(),
    "expected": sa.Integer(),
    "work": sa.Float(),
    "work_since": sa.DateTime(timezone=True),
}
_DONE = sa.text("state = 'completed' AND work IS NOT NULL")


def upgrade() -> None:
    """Add the columns. All may be empty: of what ran before, nobody counted the work."""
    for name, kind in _COLUMNS.items():
        op.add_column("executions", sa.Column(name, kind))
    op.create_index("ix_executions_done", "executions", ["zapp", "ended"], sqlite_where=_DONE, postgresql_where=_DONE)


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_executions_done", table_name="executions")
    for name in reversed(_COLUMNS):
        op.drop_column("executions", name)
