"""How many new rows go into PostgreSQL: by COPY, for which both sides work half as much as for a statement each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Engine, event

_VALUE = r"%\(\w+\)s(?:::[\w ]+)?"
_PLAIN = re.compile(
    rf"INSERT INTO (?P<into>\S+ \((?P<columns>[^()]+)\)) VALUES \((?P<values>{_VALUE}(?:, {_VALUE})+)\)"
)
"""Every column is given a value as it is, and nothing more is asked."""
_NAME = re.compile(r"%\((\w+)\)s")


def copy_new_rows(engine: Engine) -> None:
    """From now on, executing an `insert` with several rows copies them, where nothing else is asked in it."""
    from psycopg import Error

    @event.listens_for(engine, "do_executemany")
    def insert_many(cursor: Any, statement: str, parameters: Sequence[Mapping[str, Any]], context: object) -> bool:
        command, names = as_copy(statement)
        if not command:
            return False
        values = itemgetter(*names)
        try:
            with cursor.copy(command) as copy:
                for row in parameters:
                    copy.write_row(values(row))
        except Error as error:
            # The server adds the value that it could not take, which somebody gave, and errors are logged.
            if error.diag.message_primary is None:
                raise
            raise type(error)(error.diag.message_primary) from None
        return True


@lru_cache(128)
def as_copy(statement: str) -> tuple[str, Sequence[str]]:
    """The command that does the same, and the parameters for its columns; an empty one where there is none."""
    found = _PLAIN.fullmatch(statement)
    names = _NAME.findall(found["values"]) if found else []
    if found is None or len(names) != len(found["columns"].split(", ")):
        return "", ()
    return f"COPY {found['into']} FROM STDIN", names
