"""Leadership, what a key was used for, and what retention needs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and add the columns and indexes."""
    leadership = op.create_table(
        "leadership",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("holder", sa.Text),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_leadership"),
    )
    op.bulk_insert(leadership, [{"id": 1, "holder": None, "number": 0, "expires": None}])
    op.add_column("executions", sa.Column("fingerprint", sa.String(64)))
    op.add_column("event_counter", sa.Column("deleted", sa.BigInteger, nullable=False, server_default="0"))
    ended = sa.text("ended IS NOT NULL")
    op.create_index("ix_executions_ended", "executions", ["ended"], sqlite_where=ended, postgresql_where=ended)
    op.create_index("ix_executions_plan", "executions", ["plan"])


def downgrade() -> None:
    """Take them away."""
    op.drop_index("ix_executions_plan", "executions")
    op.drop_index("ix_executions_ended", "executions")
    with op.batch_alter_table("event_counter") as table:
        table.drop_column("deleted")
    op.drop_column("executions", "fingerprint")
    op.drop_table("leadership")
