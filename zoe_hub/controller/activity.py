"""Which running clusters work, as their frameworks say it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..model.execution import Execution
from ..model.framework import Activity
from ..model.plan import FrameworkPlan
from .questions import Questions


@dataclass(frozen=True)
class Seen:
    """One look. What could not be read counts as work."""

    busy: bool
    mark: str = ""
    """Differs from that of an earlier look when work was done in between."""


BUSY = Seen(busy=True)


async def look(questions: Questions, execution: Execution) -> Seen:
    """Whether it works now. It is idle when every framework that can tell says so, and at least one can."""
    marks: list[Any] = []
    for framework in execution.plan.frameworks:
        for activity in framework.status.activity if framework.status else ():
            found = await _ask(questions, execution, framework, activity)
            if found is None or found["busy"] not in (False, 0):
                return BUSY
            marks.append(_short(found.get("mark")))
    return Seen(busy=False, mark=json.dumps(marks)) if marks else BUSY


def _short(mark: Any) -> Any:
    """A mark is a number or a short text; of anything else only its kind is kept."""
    return mark if isinstance(mark, (int, float)) or (isinstance(mark, str) and len(mark) <= 200) else str(type(mark))


async def _ask(
    questions: Questions, execution: Execution, framework: FrameworkPlan, activity: Activity
) -> dict[str, Any] | None:
    expressions = {"busy": activity.busy, **({"mark": activity.mark} if activity.mark else {})}
    return await questions.ask(execution, framework, activity.process, activity.port, activity.path, expressions)
