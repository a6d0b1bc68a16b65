"""The audit trail, to which lines are added and of which only old ones are deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_SQLITE = (
    """
    CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'a line of the audit trail is not changed'); END
    """,
    """
    CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit
    WHEN OLD.time > strftime('%Y-%m-%d %H:%M:%f', 'now', '-1 day')
    BEGIN SELECT RAISE(ABORT, 'a line of the audit trail is kept for a day at least'); END
    """,
    # INSERT OR REPLACE deletes without asking the trigger above.
    """
    CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit
    WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'a line of the audit trail is not changed'); END
    """,
)
_POSTGRESQL = (
    """
    CREATE FUNCTION zoe_guard_audit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND OLD.time <= clock_timestamp() - interval '1 day' THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'a line of the audit trail is not changed, and kept for a day at least';
    END $$
    """,
    """
    CREATE TRIGGER audit_is_kept BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION zoe_guard_audit()
    """,
    """
    CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION zoe_guard_audit()
    """,
)


def upgrade() -> None:
    """Make the table and what guards it."""
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False, autoincrement=True),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request", sa.String(32), nullable=False),
        sa.Column("action", sa.String(63), nullable=False),
        sa.Column("caller", sa.String(255)),
        sa.Column("kind", sa.String(16)),
        sa.Column("address", sa.String(63), nullable=False),
        sa.Column("target", sa.String(255), nullable=False),
        sa.Column("execution", sa.String(32)),
        sa.Column("owner", sa.String(255)),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_time", "audit", ["time"])
    op.create_index("ix_audit_caller", "audit", ["caller", "id"])
    op.create_index("ix_audit_execution", "audit", ["execution", "id"])
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Drop it, with all that it holds."""
    op.drop_table("audit")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION zoe_guard_audit()")
