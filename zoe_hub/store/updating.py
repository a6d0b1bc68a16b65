"""Changing many rows of a table, each to values of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON, Connection, Table, Update, and_, bindparam, column, func, update


def update_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Each holds the primary key of a row that is there, and new values of the same columns, which are no JSON null."""
    if not rows:
        return
    names = tuple(rows[0])
    if connection.dialect.name == "postgresql" and len(rows) > 1:
        document = [{name: _in_json(row[name]) for name in names} for row in rows]
        connection.execute(_at_once(table, names), {"rows": document})
    else:
        # A value of the key must have another name than the column that it is compared with.
        connection.execute(_one_by_one(table, names), [{f"b_{name}": row[name] for name in names} for row in rows])


@lru_cache(32)
def _at_once(table: Table, names: tuple[str, ...]) -> Update:
    """By one statement, which costs both sides less than one for each."""
    columns = (column(name, table.c[name].type) for name in names)
    rows = func.json_to_recordset(bindparam("rows", type_=JSON)).table_valued(*columns)
    given = rows.render_derived(name="given", with_types=True).c
    same = and_(*(key == given[key.name] for key in table.primary_key))
    return update(table).where(same).values({name: given[name] for name in names if not table.c[name].primary_key})


@lru_cache(32)
def _one_by_one(table: Table, names: tuple[str, ...]) -> Update:
    this = and_(*(key == bindparam(f"b_{key.name}") for key in table.primary_key))
    return update(table).where(this).values({n: bindparam(f"b_{n}") for n in names if not table.c[n].primary_key})


def _in_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
