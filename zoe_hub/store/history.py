"""What earlier runs of a ZApp tell about the next one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, select

from ..model.errors import InvalidParameter
from ..model.parameters import Scalar
from ..model.plan import Plan
from ..model.zapp import Category
from ..scheduler.estimates import Run, learned
from .database import Transaction
from .tables import done, executions, plans

_READ = 200
"""The newest runs of a ZApp, of all users, that are looked at."""
_REMEMBERED = 20_000
_known: dict[str, str] = {}
"""Digests of the definitions of plans that were read, by the plans': these are addressed by their content."""
_RUNS = (
    select(executions.c.owner, executions.c.parameters, executions.c.work, executions.c.plan)
    .where(done, executions.c.zapp == bindparam("zapp"))
    .order_by(executions.c.ended.desc())
    .limit(_READ)
)


def expected_work(transaction: Transaction, owner: str, plan: Plan) -> float | None:
    """Instances times seconds that a run of this plan is expected to need.

    None for what does not end by itself, such as what a person works with, and where no run of the same definition has.
    """
    if plan.category is not Category.BATCH:
        return None
    connection, known = transaction.connection, f"runs of {plan.zapp}"
    rows = transaction.known.get(known)
    if rows is None:
        rows = transaction.known[known] = connection.execute(_RUNS, {"zapp": plan.zapp}).all()
    if not rows:
        return None
    # Anybody may send a definition of their own that has this one's name.
    mine = _digest(plan.definition.model_dump(mode="json"))
    runs = transaction.known.get(f"{known}, {mine}")
    # Of what is submitted together, much is of one definition.
    if runs is None:
        definitions = _definitions(connection, {row.plan for row in rows})
        runs = transaction.known[f"{known}, {mine}"] = [
            Run(row.owner, _fixed(plan, row.parameters), row.work) for row in rows if definitions.get(row.plan) == mine
        ]
    return learned(owner, _fixed(plan, plan.parameters), runs)


def _definitions(connection: Connection, digests: set[str]) -> dict[str, str]:
    """Digests of the definitions of plans, by the plans'."""
    found = {digest: known for digest in digests if (known := _known.get(digest)) is not None}
    if missing := sorted(digests - found.keys()):
        for digest, document in connection.execute(select(plans).where(plans.c.digest.in_(missing))):
            found[digest] = _digest(json.loads(document).get("definition"))
        if len(_known) > _REMEMBERED:
            _known.clear()
        _known.update(found)
    return found


def _digest(definition: object) -> str:
    return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()


def _fixed(plan: Plan, given: Mapping[str, Any]) -> dict[str, Scalar]:
    """Values of the parameters that do not change how many instances there are, as the ZApp has them now."""
    values: dict[str, Scalar] = {}
    for parameter in plan.definition.parameters:
        value = given.get(parameter.name)
        value = parameter.default if value is None else value
        if value is not None and not parameter.scales:
            try:
                values[parameter.name] = parameter.check(value)
            except InvalidParameter:
                # Allowed then, and not any more: it is like nothing that may be asked for now.
                continue
    return values
