"""Rows that have one of many values are found by their index."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Select, create_engine, event, insert, select
from sqlalchemy.engine import Connection

from zoe_hub.store.among import Among, PairsAmong
from zoe_hub.store.engines import address, with_driver
from zoe_hub.store.tables import metadata, zapps

ONE = select(zapps.c.name).where(Among(zapps.c.owner, "owners")).order_by(zapps.c.name)
PAIRS = ONE.with_only_columns(zapps.c.document).where(PairsAmong(zapps.c.owner, "owners", zapps.c.name, "names"))
STORED = [{"owner": owner, "name": f"{owner}-{n}", "document": f"{owner}{n}"} for owner in "abc" for n in range(3)]


@pytest.fixture
def connection(any_database: str) -> Iterator[Connection]:
    engine = create_engine(with_driver(address(any_database)))
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(zapps), STORED)
        yield connection
    engine.dispose()


@pytest.mark.parametrize(("owners", "found"), [([], 0), (["a"], 3), (["a", "c", "nobody", "c"], 6), (["x" * 300], 0)])
def test_one_of_many(connection: Connection, owners: list[str], found: int) -> None:
    assert len(connection.execute(ONE, {"owners": owners}).all()) == found


def test_pairs(connection: Connection) -> None:
    query = PAIRS.where(zapps.c.document != "c2")
    pairs = {"owners": ["a", "b", "c"], "names": ["a-0", "c-2", "c-2"]}
    assert connection.execute(query, pairs).scalars().all() == ["a0"]
    assert connection.execute(query, {"owners": [], "names": []}).all() == []


@pytest.mark.parametrize("query", [ONE, PAIRS])
def test_indexes_are_used(connection: Connection, query: Select[tuple[str]]) -> None:
    asked: list[tuple[str, object]] = []

    @event.listens_for(connection, "before_cursor_execute")
    def see(_c: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        asked.append((statement, parameters))

    connection.execute(query, {"owners": ["a", "b"], "names": ["a-0", "b-1"]})
    (statement, parameters) = asked[0]
    sqlite = connection.dialect.name == "sqlite"
    if not sqlite:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    plan = connection.exec_driver_sql(
        f"EXPLAIN {'QUERY PLAN ' if sqlite else ''}{statement}",
        parameters,  # type: ignore[arg-type]
    )
    text = " ".join(map(str, plan.all()))
    assert ("USING" in text and "INDEX" in text) if sqlite else "Index Cond" in text, text
