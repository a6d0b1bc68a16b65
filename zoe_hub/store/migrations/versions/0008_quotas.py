"""Quotas, what is held of them, and what was used of hours; the groups of an execution's owner."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

log = logging.getLogger(__name__)

_NOTHING = {"cpu": 0, "memory": 0, "gpu": 0, "instances": 0}
_big = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables, and count what runs: from now on, as nobody knows since when it was granted."""
    op.create_table(
        "quotas",
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name="pk_quotas"),
    )
    usage = op.create_table(
        "usage",
        sa.Column("id", _big, nullable=False, autoincrement=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("execution", sa.String(32), nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("cpu", sa.BigInteger, nullable=False),
        sa.Column("memory", sa.BigInteger, nullable=False),
        sa.Column("gpu", sa.BigInteger, nullable=False),
        sa.Column("instances", sa.BigInteger, nullable=False),
        sa.Column("begun", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended", sa.DateTime(timezone=True)),
        sa.Column("spent", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_usage"),
    )
    held = sa.text("ended IS NULL")
    op.create_index("ix_usage_held", "usage", ["kind", "subject"], sqlite_where=held, postgresql_where=held)
    op.create_index("ix_usage_execution", "usage", ["execution"], sqlite_where=held, postgresql_where=held)
    op.create_index("ix_usage_subject", "usage", ["kind", "subject", "ended"])
    op.create_index("ix_usage_ended", "usage", ["ended"])
    op.add_column("executions", sa.Column("groups", sa.JSON))
    assert usage is not None
    _count_what_lives(usage)


def downgrade() -> None:
    """Take them away."""
    op.drop_column("executions", "groups")
    op.drop_table("usage")
    op.drop_table("quotas")


def _count_what_lives(usage: sa.Table) -> None:
    connection = op.get_bind()
    live = sa.text(
        "SELECT executions.id, owner, name, state, granted, document FROM executions "
        "JOIN plans ON plans.digest = executions.plan WHERE ended IS NULL"
    )
    rows = [
        {
            "kind": "user",
            "subject": row.owner,
            "owner": row.owner,
            "execution": row.id,
            "name": row.name,
            "begun": datetime.now(timezone.utc),
            **_held(row.id, row.state, _document(row.granted), _document(row.document)),
        }
        for row in connection.execute(live)
    ]
    if rows:
        connection.execute(usage.insert(), rows)


def _document(value: object) -> dict[str, object]:
    # PostgreSQL's driver has read what is JSON already.
    found = json.loads(value) if isinstance(value, str) else value
    return found if isinstance(found, dict) else {}


def _held(execution: str, state: str, granted: dict[str, object], plan: dict[str, object]) -> dict[str, int]:
    processes = plan.get("processes") or []
    if state == "queued" or not isinstance(processes, list):
        return dict(_NOTHING)
    try:
        return _sum(processes, granted)
    except (KeyError, TypeError, ValueError, AttributeError):
        # It goes on as it is, and holds nothing of a quota.
        log.warning("Execution %s is not counted for quotas: its plan is of another version of Zoe.", execution)
        return dict(_NOTHING)


def _sum(processes: list[dict[str, Any]], granted: dict[str, object]) -> dict[str, int]:
    total = dict(_NOTHING)
    for process in processes:
        key = f"{process['framework']}.{process['name']}"
        given = granted.get(key)
        count = max(given if isinstance(given, int) else 0, process["core"])
        total["cpu"] += round(process["resources"]["cpu"] * 1000) * count
        total["memory"] += process["resources"]["memory"] * count
        total["gpu"] += process["resources"]["gpu"] * count
        total["instances"] += count
    return total
