"""The tables. A change here needs a migration: see `migrations/`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    and_,
    literal_column,
)

_REMEMBERED = 1024
"""Points in time as the database has them: all that a transaction changes has the same one, which is read often."""


class UTCDateTime(TypeDecorator[datetime]):
    """A point in time. Goes in with any time zone, comes out in UTC; SQLite itself knows no zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(timezone.utc)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any] | None:
        return _remembering(super().bind_processor(dialect))

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        return _remembering(super().result_processor(dialect, coltype))


def _remembering(process: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    return None if process is None else lru_cache(_REMEMBERED)(process)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

plans = Table(
    "plans",
    metadata,
    # Addressed by content: equal plans are stored once, and a parsed one may be kept for ever.
    Column("digest", String(64), primary_key=True),
    Column("document", Text, nullable=False),
)

executions = Table(
    "executions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(255), nullable=False),
    Column("name", String(63), nullable=False),
    Column("zapp", String(63), nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("plan", ForeignKey(plans.c.digest), nullable=False),
    Column("desired", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("granted", JSON, nullable=False),
    Column("server", Text),
    Column("kernel", Text),
    # Nothing stands for false, as in rows that were there before this column.
    Column("outlive", Boolean),
    Column("running_since", UTCDateTime),
    Column("last_active", UTCDateTime),
    Column("activity_mark", Text),
    Column("kept_until", UTCDateTime),
    Column("expires", UTCDateTime),
    Column("expiry_cause", String(16)),
    # Without bounds, it stays as large as it is.
    Column("adaptation", JSON(none_as_null=True)),
    Column("adapted", Text),
    # Seconds that its owner expects it to take, with everything granted.
    Column("expected", Integer),
    # Where nothing was said: the work that was expected when it was submitted, in instances times seconds.
    Column("learned", Float),
    # Instances times seconds while it ran, up to `work_since`.
    Column("work", Float),
    Column("work_since", UTCDateTime),
    Column("idempotency_key", String(255)),
    # Of the request that the key came with, so that another request with the same key is noticed.
    Column("fingerprint", String(64)),
    Column("created", UTCDateTime, nullable=False),
    Column("updated", UTCDateTime, nullable=False),
    Column("ended", UTCDateTime),
    # Of the owner, when it was submitted.
    Column("groups", JSON),
)
_live = executions.c.ended.is_(None)
_if_live: dict[str, Any] = {"sqlite_where": _live, "postgresql_where": _live}
Index("uq_executions_live_name", executions.c.owner, executions.c.name, unique=True, **_if_live)
Index("ix_executions_live", executions.c.id, **_if_live)
Index("uq_executions_idempotency_key", executions.c.owner, executions.c.idempotency_key, unique=True)
Index("ix_executions_owner", executions.c.owner, executions.c.id)
_ended = executions.c.ended.is_not(None)
Index("ix_executions_ended", executions.c.ended, sqlite_where=_ended, postgresql_where=_ended)
Index("ix_executions_plan", executions.c.plan)
done = and_(executions.c.state == literal_column("'completed'"), executions.c.work.is_not(None))
"""Whether a row came to its end by itself, and its work was counted."""
Index("ix_executions_done", executions.c.zapp, executions.c.ended, sqlite_where=done, postgresql_where=done)

instances = Table(
    "instances",
    metadata,
    Column("execution", ForeignKey(executions.c.id, ondelete="CASCADE"), primary_key=True),
    Column("process", String(127), primary_key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("state", String(16), nullable=False),
    Column("host", Text),
    Column("ports", JSON, nullable=False),
    Column("restarts", Integer, nullable=False),
    Column("exit_code", Integer),
    Column("message", Text, nullable=False),
    Column("started", UTCDateTime),
)

events = Table(
    "events",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("time", UTCDateTime, nullable=False),
    Column("owner", String(255), nullable=False),
    Column("execution", ForeignKey(executions.c.id, ondelete="CASCADE"), nullable=False),
    Column("kind", String(63), nullable=False),
    Column("data", JSON, nullable=False),
)
Index("ix_events_execution", events.c.execution, events.c.seq)
Index("ix_events_owner", events.c.owner, events.c.seq)

event_counter = Table(
    # One row, locked by a transaction from the moment it numbers its events until it commits: numbers
    # become visible in their order. With a database sequence, whoever resumes after 7 could miss a 6
    # that was committed late.
    "event_counter",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("value", BigInteger, nullable=False),
    # The highest number of an event that was deleted: who resumes from before it may miss some.
    Column("deleted", BigInteger, nullable=False, server_default="0"),
)

leadership = Table(
    # One row. The number rises with every new holder; writes of an earlier one are refused by it.
    "leadership",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("holder", Text),
    Column("number", BigInteger, nullable=False),
    Column("expires", UTCDateTime),
)

zapps = Table(
    "zapps",
    metadata,
    Column("owner", String(255), primary_key=True),
    Column("name", String(63), primary_key=True),
    Column("document", Text, nullable=False),
)

forgotten_owners = Table(
    # Users whose executions, as far as they were stored until then, are to be deleted once they have ended.
    "forgotten_owners",
    metadata,
    Column("owner", String(255), primary_key=True),
    Column("since", UTCDateTime, nullable=False),
)

audit = Table(
    # Lines are added only. The triggers that see to it are in the migration, and lost by whatever makes the
    # table anew, as batch operations of Alembic do.
    "audit",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("time", UTCDateTime, nullable=False),
    Column("request", String(32), nullable=False),
    Column("action", String(63), nullable=False),
    Column("caller", String(255)),
    Column("kind", String(16)),
    Column("address", String(63), nullable=False),
    Column("target", String(255), nullable=False),
    # No foreign key: the trail outlives executions.
    Column("execution", String(32)),
    Column("owner", String(255)),
    Column("outcome", String(16), nullable=False),
    Column("status", Integer, nullable=False),
    Column("count", Integer, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_audit_time", audit.c.time)
Index("ix_audit_caller", audit.c.caller, audit.c.id)
Index("ix_audit_execution", audit.c.execution, audit.c.id)

marks = Table(
    # What the database belongs to: a fingerprint of the key, the machine.
    "marks",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("value", Text, nullable=False),
)

quotas = Table(
    # Those that were set over the REST interface: of everybody (without a name), of a group, of a user.
    "quotas",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("document", Text, nullable=False),
)

usage = Table(
    # What is granted, and from when until when it was: a row for the owner, and one for each of the owner's groups.
    # Those without an end are what is held now; every execution that has not ended has them, also while it waits.
    "usage",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("owner", String(255), nullable=False),
    # No foreign key: hours count longer than executions are kept.
    Column("execution", String(32), nullable=False),
    Column("name", String(63), nullable=False),
    # Thousandths of a processor.
    Column("cpu", BigInteger, nullable=False),
    Column("memory", BigInteger, nullable=False),
    Column("gpu", BigInteger, nullable=False),
    Column("instances", BigInteger, nullable=False),
    Column("begun", UTCDateTime, nullable=False),
    Column("ended", UTCDateTime),
    # Thousandths of a processor for a second, from begin to end.
    Column("spent", BigInteger),
)
_held = usage.c.ended.is_(None)
_if_held: dict[str, Any] = {"sqlite_where": _held, "postgresql_where": _held}
Index("ix_usage_held", usage.c.kind, usage.c.subject, **_if_held)
Index("ix_usage_execution", usage.c.execution, **_if_held)
Index("ix_usage_subject", usage.c.kind, usage.c.subject, usage.c.ended)
Index("ix_usage_ended", usage.c.ended)
