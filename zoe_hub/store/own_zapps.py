"""Users' own ZApps in the database."""

from __future__ import annotations

import logging

from pydantic import ValidationError
from sqlalchemy import Connection, delete, func, insert, select, update

from ..model.errors import LimitReached, UnknownName
from ..model.zapp import ZApp
from .database import Transaction
from .documents import places
from .locks import one_at_a_time
from .tables import zapps

log = logging.getLogger(__name__)


def put(transaction: Transaction, owner: str, zapp: ZApp, most: int | None) -> None:
    """Store one; replaces one of the same name. Raises LimitReached for more than `most`."""
    connection, document = transaction.connection, zapp.model_dump_json()
    this = (zapps.c.owner == owner) & (zapps.c.name == zapp.name)
    updated = connection.execute(update(zapps).where(this).values(document=document))
    if updated.rowcount == 0:
        _check_number(connection, owner, most)
        connection.execute(insert(zapps).values(owner=owner, name=zapp.name, document=document))


def remove(transaction: Transaction, owner: str, name: str) -> None:
    """Raises UnknownName."""
    connection = transaction.connection
    deleted = connection.execute(delete(zapps).where(zapps.c.owner == owner, zapps.c.name == name))
    if deleted.rowcount == 0:
        known = connection.execute(select(zapps.c.name).where(zapps.c.owner == owner)).scalars()
        raise UnknownName("ZApp of your own", name, known)


def read(connection: Connection, owner: str) -> list[ZApp]:
    """Those that this version of Zoe can read, by name; one that it cannot hides nothing else."""
    found = []
    query = select(zapps.c.document).where(zapps.c.owner == owner).order_by(zapps.c.name)
    for document in connection.execute(query).scalars():
        try:
            found.append(ZApp.model_validate_json(document))
        except ValidationError as error:
            log.warning("A stored ZApp of %s cannot be read by this version of Zoe: %s", owner, places(error))
    return found


def _check_number(connection: Connection, owner: str, most: int | None) -> None:
    """Raises LimitReached when the owner keeps as many as allowed."""
    if most is None:
        return
    one_at_a_time(connection, [f"ZApps of {owner}"])
    count = connection.execute(select(func.count()).select_from(zapps).where(zapps.c.owner == owner)).scalar_one()
    if count >= most:
        raise LimitReached(f"You keep {count} ZApps already, which is as many as are possible; delete one first.")
