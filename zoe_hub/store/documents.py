"""Rows of the tables to documents of the model, and plans to rows."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Row

from ..model.adaptation import Adaptation
from ..model.events import Event
from ..model.execution import Attachment, Execution, InstanceStatus
from ..model.plan import Plan
from ..model.resources import Resources
from .lives import life_from
from .tables import executions, instances

# Not asked of each row: that costs more than reading it.
_INSTANCE = instances.c.keys()
_EXECUTION = executions.c.keys()


def serialise_plan(plan: Plan) -> tuple[str, str]:
    """Digest and text of a plan."""
    text = plan.model_dump_json()
    return hashlib.sha256(text.encode()).hexdigest(), text


def attachment_from(row: Any) -> Attachment | None:
    """The notebook that a row of `executions` is tied to."""
    if row.server is None:
        return None
    return Attachment(server=row.server, kernel=row.kernel, outlive=bool(row.outlive))


def adaptation_from(row: Any) -> Adaptation | None:
    """Between which sizes the execution of a row of `executions` follows its load."""
    return None if row.adaptation is None else Adaptation.model_validate(row.adaptation)


def execution_from(
    values: Sequence[Any] | Mapping[str, Any],
    plan: Plan,
    instances: Sequence[InstanceStatus],
    holds: tuple[Resources, int] | None = None,
) -> Execution:
    """The execution of a row of `executions`, or of the values of all its columns, and what belongs to it."""
    named = values if isinstance(values, Mapping) else dict(zip(_EXECUTION, values, strict=True))
    row = SimpleNamespace(**named)
    return Execution(
        id=row.id,
        owner=row.owner,
        groups=tuple(row.groups or ()),
        name=row.name,
        zapp=row.zapp,
        parameters=row.parameters,
        plan=plan,
        desired=row.desired,
        state=row.state,
        reason=row.reason,
        granted=row.granted,
        attachment=attachment_from(row),
        life=life_from(row),
        adaptation=adaptation_from(row),
        adapted=row.adapted or "",
        expected=row.expected,
        learned=row.learned,
        created=row.created,
        updated=row.updated,
        ended=row.ended,
        instances=tuple(instances),
        holds=holds,
    )


def instance_from(row: Row[Any]) -> InstanceStatus:
    """The instance of a row of `instances`."""
    return InstanceStatus.model_validate(dict(zip(_INSTANCE, row, strict=True)))


def event_from(row: Row[Any]) -> Event:
    """The event of a row of `events`."""
    return Event.model_validate(row._asdict())


def places(error: ValidationError) -> str:
    """Where a stored document cannot be read, and why; not what stands there, which is its user's."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['type']}" for each in found[:3])


class PlanCache:
    """Parsed plans by digest, the least recently used forgotten first. Safe to share between threads.

    Parsing a plan costs far more than all the rest of reading an execution, and the controller
    reads every live execution in every round.
    """

    def __init__(self, size: int = 2048, length: int = 32 * 2**20) -> None:
        """Holds at most `size` plans, of documents of at most `length` characters together: users write into them."""
        self._size = size
        self._length = length
        self._held = 0
        self._plans: OrderedDict[str, tuple[Plan, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, digest: str) -> Plan | None:
        with self._lock:
            found = self._plans.get(digest)
            if found is None:
                return None
            self._plans.move_to_end(digest)
            return found[0]

    def put(self, digest: str, plan: Plan, length: int) -> None:
        """Keep a plan, parsed from a document of this length."""
        with self._lock:
            self._held += length - self._plans.pop(digest, (plan, 0))[1]
            self._plans[digest] = plan, length
            while len(self._plans) > self._size or self._held > self._length:
                _, (_, forgotten) = self._plans.popitem(last=False)
                self._held -= forgotten
