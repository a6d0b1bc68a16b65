"""The quotas that were set over the REST interface, and what holds with those of the administrator's file.

What is stored of a subject takes the place of all that the file says of it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import ValidationError
from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update

from ..model.errors import UnknownName
from ..model.quotas import GroupLimits, Limits, Quotas
from ..scheduler.allowances import Rules, Subject
from .database import Transaction
from .documents import places
from .tables import quotas

log = logging.getLogger(__name__)

EVERYBODY = Subject("everybody", "")
_BATCH = 500
_STORED = "stored quotas"
_ANY = select(quotas.c.kind).limit(1)
_EITHER = or_(quotas.c.kind == EVERYBODY.kind, quotas.c.name.in_(bindparam("names", expanding=True)))
_NAMED = select(quotas).where(_EITHER)


@dataclass(frozen=True)
class QuotaSource:
    """Where quotas come from that are not in the database."""

    file: Callable[[], Quotas] = Quotas.none
    """What the administrator's file says now. Called in threads of the store."""
    default: Limits = field(default_factory=Limits)
    """For everybody, where nothing else is said."""
    cores_first: bool = False
    """The scheduler takes elastic instances back for a core that a quota does not allow beside them."""


def rules(
    connection: Connection,
    source: QuotaSource,
    parties: Iterable[tuple[str, Collection[str]]],
    transaction: Transaction | None = None,
) -> Rules:
    """What holds for these users and groups. In a transaction that writes, it is asked once whether any is stored."""
    users: set[str] = set()
    groups: set[str] = set()
    for user, members_of in parties:
        users.add(user)
        groups.update(members_of)
    file = source.file()
    stored = _read(connection, users, groups) if _are_stored(connection, transaction) else {}
    said = stored.get(EVERYBODY)
    found = Quotas.model_construct(
        apiVersion="zoe/v1",
        kind="Quotas",
        everybody=said if isinstance(said, Limits) else file.everybody,
        users={name: own for name in users if (own := _of("user", name, file.users, stored, Limits))},
        groups={name: its for name in groups if (its := _of("group", name, file.groups, stored, GroupLimits))},
    )
    return Rules(found, source.default)


def _are_stored(connection: Connection, transaction: Transaction | None) -> bool:
    known = {} if transaction is None else transaction.known
    if _STORED not in known:
        known[_STORED] = connection.execute(_ANY).first() is not None
    return bool(known[_STORED])


L = TypeVar("L", Limits, GroupLimits)


def _of(
    kind: str, name: str, file: Mapping[str, L], stored: Mapping[Subject, Limits | GroupLimits], its: type[L]
) -> L | None:
    found = stored.get(Subject(kind, name))
    return found if isinstance(found, its) else file.get(name)


def every(connection: Connection) -> dict[Subject, Limits | GroupLimits]:
    """All that is stored, by subject."""
    return _parsed(connection.execute(select(quotas).order_by(quotas.c.kind, quotas.c.name)))


def put(transaction: Transaction, subject: Subject, limits: Limits | GroupLimits) -> None:
    """Store what holds for a subject; replaces what was there."""
    this = (quotas.c.kind == subject.kind) & (quotas.c.name == subject.name)
    document = limits.model_dump_json(exclude_none=True)
    connection = transaction.connection
    transaction.known.pop(_STORED, None)
    if connection.execute(update(quotas).where(this).values(document=document)).rowcount == 0:
        connection.execute(insert(quotas).values(kind=subject.kind, name=subject.name, document=document))


def remove(transaction: Transaction, subject: Subject) -> None:
    """Leave the subject to what the file says. Raises UnknownName when nothing is stored."""
    this = (quotas.c.kind == subject.kind) & (quotas.c.name == subject.name)
    if transaction.connection.execute(delete(quotas).where(this)).rowcount == 0:
        known = transaction.connection.execute(select(quotas.c.name).where(quotas.c.kind == subject.kind)).scalars()
        raise UnknownName(f"stored quota of {_article(subject)}", subject.name, known)


def _article(subject: Subject) -> str:
    return subject.kind if subject == EVERYBODY else f"a {subject.kind}"


def _read(connection: Connection, users: set[str], groups: set[str]) -> dict[Subject, Limits | GroupLimits]:
    found: dict[Subject, Limits | GroupLimits] = {}
    names = sorted(users | groups)
    for start in range(0, max(len(names), 1), _BATCH):
        found |= _parsed(connection.execute(_NAMED, {"names": names[start : start + _BATCH]}))
    return found


def _parsed(rows: Iterable[tuple[str, str, str]]) -> dict[Subject, Limits | GroupLimits]:
    found: dict[Subject, Limits | GroupLimits] = {}
    for kind, name, document in rows:
        of: type[Limits] | type[GroupLimits] = GroupLimits if kind == "group" else Limits
        try:
            found[Subject(kind, name)] = of.model_validate_json(document)
        except ValidationError as error:
            log.error("The stored quota of %s %s cannot be read by this version of Zoe: %s", kind, name, places(error))
            # To leave it out would be to lift every limit that it names.
            found[Subject(kind, name)] = _half_read(document, kind)
    return found


def _half_read(document: str, kind: str) -> Limits | GroupLimits:
    """What of it can be read, and what it says more."""
    try:
        said = json.loads(document)
    except ValueError:
        said = None
    if kind != "group":
        return _known(said)
    if not isinstance(said, dict):
        return GroupLimits(each=_known(said), together=_known(said))
    more = sorted(said.keys() - GroupLimits.model_fields.keys())
    halves = {half: _known(said.get(half, {})) for half in ("each", "together")}
    if more:
        halves = {half: limits.without({*limits.unread, *more}) for half, limits in halves.items()}
    return GroupLimits.model_construct(each=halves["each"], together=halves["together"])


def _known(said: object) -> Limits:
    if not isinstance(said, dict):
        return Limits().without(["all of it"])
    limits, unread = Limits(), []
    for name, value in said.items():
        try:
            limits = Limits.model_validate(limits.said | {name: value})
        except ValidationError:
            unread.append(name)
    return limits.without(sorted(unread)) if unread else limits
