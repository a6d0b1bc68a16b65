"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_time = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "plans",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_plans"),
    )
    op.create_table(
        "executions",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("zapp", sa.String(63), nullable=False),
        sa.Column("parameters", sa.JSON, nullable=False),
        sa.Column("plan", sa.String(64), nullable=False),
        sa.Column("desired", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("granted", sa.JSON, nullable=False),
        sa.Column("server", sa.Text),
        sa.Column("kernel", sa.Text),
        sa.Column("idempotency_key", sa.String(255)),
        sa.Column("created", _time, nullable=False),
        sa.Column("updated", _time, nullable=False),
        sa.Column("ended", _time),
        sa.PrimaryKeyConstraint("id", name="pk_executions"),
        sa.ForeignKeyConstraint(["plan"], ["plans.digest"], name="fk_executions_plan"),
    )
    live = sa.text("ended IS NULL")
    op.create_index(
        "uq_executions_live_name",
        "executions",
        ["owner", "name"],
        unique=True,
        sqlite_where=live,
        postgresql_where=live,
    )
    op.create_index("ix_executions_live", "executions", ["id"], sqlite_where=live, postgresql_where=live)
    op.create_index("uq_executions_idempotency_key", "executions", ["owner", "idempotency_key"], unique=True)
    op.create_index("ix_executions_owner", "executions", ["owner", "id"])
    op.create_table(
        "instances",
        sa.Column("execution", sa.String(32), nullable=False),
        sa.Column("process", sa.String(127), nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("host", sa.Text),
        sa.Column("ports", sa.JSON, nullable=False),
        sa.Column("restarts", sa.Integer, nullable=False),
        sa.Column("exit_code", sa.Integer),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("started", _time),
        sa.PrimaryKeyConstraint("execution", "process", "ordinal", name="pk_instances"),
        sa.ForeignKeyConstraint(["execution"], ["executions.id"], name="fk_instances_execution", ondelete="CASCADE"),
    )
    op.create_table(
        "events",
        sa.Column("seq", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("time", _time, nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("execution", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(63), nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_events"),
        sa.ForeignKeyConstraint(["execution"], ["executions.id"], name="fk_events_execution", ondelete="CASCADE"),
    )
    op.create_index("ix_events_execution", "events", ["execution", "seq"])
    op.create_index("ix_events_owner", "events", ["owner", "seq"])
    counter = op.create_table(
        "event_counter",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_event_counter"),
    )
    op.bulk_insert(counter, [{"id": 1, "value": 0}])
    op.create_table(
        "zapps",
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("owner", "name", name="pk_zapps"),
    )


def downgrade() -> None:
    """Drop them, with all that they hold."""
    for table in ("zapps", "event_counter", "events", "instances", "executions", "plans"):
        op.drop_table(table)
