"""What is held and used of quotas, to be looked at: by the scheduler, by users, by administrators."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timezone

from sqlalchemy import Connection

from ..scheduler.allowances import Dimension, Subject
from ..scheduler.quotas import Accounts, InForce
from . import quotas
from .ledger import held_of, restore
from .quotas import QuotaSource
from .spending import spent_by, spent_of


def in_force(
    connection: Connection, source: QuotaSource, parties: Collection[tuple[str, tuple[str, ...]]], hours: bool
) -> InForce:
    """What holds for these users and groups, and, with `hours`, of whom hours are used up."""
    rules = quotas.rules(connection, source, parties)
    if not hours:
        return InForce(rules)
    allowances = {each.subject: each for user, groups in parties for each in rules.of(user, groups)}
    spent = spent_of(connection, allowances.values(), datetime.now(timezone.utc))
    used_up = {
        subject: found
        for subject, found in spent.items()
        if found.used >= allowances[subject].bounds[Dimension.CPU_HOURS].limit
    }
    return InForce(rules, used_up, frozenset(used_up))


def accounts(
    connection: Connection, source: QuotaSource, user: str, groups: tuple[str, ...], others: Collection[Subject]
) -> Accounts:
    """What holds for a user and these groups, and what is used of it, also where it is not limited."""
    further = [each.name for each in others if each.kind == "group"]
    users = [each.name for each in others if each.kind == "user"]
    rules = quotas.rules(connection, source, [(user, {*groups, *further}), *((name, ()) for name in users)])
    now = datetime.now(timezone.utc)
    own = rules.own(user, groups)
    windows = {own.subject: own} | {Subject("group", name): rules.together(name) for name in {*groups, *further}}
    windows |= {Subject("user", name): rules.own(name) for name in users}
    spent = spent_of(connection, windows.values(), now, forecast=True)
    for subject, allowance in windows.items():
        if subject not in spent:
            spent[subject] = spent_by(connection, subject, allowance.window, now)
    found = Accounts(rules, spent, of_all=True)
    restore(found, held_of(connection, windows))
    return found
