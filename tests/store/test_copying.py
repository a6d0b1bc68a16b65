"""Which statements are copies, and what is said of those that fail."""

from __future__ import annotations

import pytest
from sqlalchemy import func, insert
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DataError, IntegrityError

from zoe_hub.store.copying import as_copy
from zoe_hub.store.engines import address, postgresql_engine, with_driver
from zoe_hub.store.tables import metadata, usage, zapps

from .examples import LATER

ZAPP = {"owner": "alice", "name": "spark", "document": "{}"}


def text(statement: object) -> str:
    return str(statement.compile(dialect=postgresql.psycopg.dialect()))  # type: ignore[attr-defined]


def test_only_what_inserts_values_as_they_are_is_a_copy() -> None:
    plain = insert(zapps)
    assert as_copy(text(plain)) == ("COPY zapps (owner, name, document) FROM STDIN", ["owner", "name", "document"])
    for more in (
        plain.values(owner="alice", name=func.lower("SPARK"), document="{}"),
        plain.values(owner="alice", name="spark", document=func.now()),
        plain.values([ZAPP, ZAPP]),
        plain.returning(zapps.c.name),
        postgresql.insert(zapps).on_conflict_do_nothing(),
        plain.from_select(["owner"], zapps.select()),
    ):
        assert as_copy(text(more)) == ("", ())


def test_many_are_copied_and_what_is_left_out_has_its_default(postgresql_url: str) -> None:
    row = {"kind": "user", "subject": "a", "owner": "a", "execution": "x", "name": "n", "begun": LATER}
    row |= {"cpu": 1, "memory": 2**40, "gpu": 0, "instances": 1}
    engine = postgresql_engine(with_driver(address(postgresql_url)))
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(usage), [row, row, row])
        found = connection.execute(usage.select().order_by(usage.c.id)).all()
    assert [(each.id, each.memory, each.begun, each.ended) for each in found] == [
        (number, 2**40, LATER, None) for number in (1, 2, 3)
    ]
    engine.dispose()


@pytest.mark.parametrize(
    ("rows", "error", "said"),
    [
        ([ZAPP, ZAPP], IntegrityError, "duplicate key"),
        ([ZAPP, ZAPP | {"owner": "hunter2" * 50}], DataError, "too long"),
        ([ZAPP, ZAPP | {"name": None, "document": "hunter2"}], IntegrityError, "null value"),
    ],
)
def test_what_users_gave_is_not_in_errors(
    postgresql_url: str, rows: list[dict[str, object]], error: type[Exception], said: str
) -> None:
    engine = postgresql_engine(with_driver(address(postgresql_url)))
    metadata.create_all(engine)
    with engine.connect() as connection:
        with pytest.raises(error, match=said) as raised:
            connection.execute(insert(zapps), rows)
        assert "hunter2" not in str(raised.value)
        connection.rollback()
        # The connection is as good as before.
        connection.execute(insert(zapps), [ZAPP, ZAPP | {"owner": "bob"}])
        assert connection.execute(zapps.select()).all()
    engine.dispose()
