"""How much work executions were expected to be when they were submitted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. It may be empty: of what is there, nobody asked."""
    op.add_column("executions", sa.Column("learned", sa.Float))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("executions", "learned")
