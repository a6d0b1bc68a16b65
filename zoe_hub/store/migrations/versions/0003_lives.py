"""What is known of an execution's life, and whether it outlives its notebook."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TIMES = ("running_since", "last_active", "kept_until", "expires")


def upgrade() -> None:
    """Add the columns. All may be empty: of what is there, nothing is known yet."""
    op.add_column("executions", sa.Column("outlive", sa.Boolean))
    for name in _TIMES:
        op.add_column("executions", sa.Column(name, sa.DateTime(timezone=True)))
    op.add_column("executions", sa.Column("activity_mark", sa.Text))
    op.add_column("executions", sa.Column("expiry_cause", sa.String(16)))


def downgrade() -> None:
    """Drop them."""
    for name in ("expiry_cause", "activity_mark", *_TIMES, "outlive"):
        op.drop_column("executions", name)
