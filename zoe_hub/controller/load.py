"""How much running clusters have to do, as their frameworks say it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from ..model.errors import InvalidDocument
from ..model.execution import Execution
from ..model.framework import Load as LoadPages
from ..model.plan import FrameworkPlan
from ..model.references import bind
from ..scheduler.adaptation import Load
from .questions import Questions, evaluate

_ORDINAL = re.compile("[0-9]{1,5}")
_MOST = 1_000_000_000
"""Tasks. A cluster is its owner's, who could make it say anything."""


@dataclass(frozen=True)
class Told:
    """One look."""

    load: Load
    tasks: int | None
    """That are not done; None where the framework counts workers only."""
    slots: int
    """Tasks that a worker does at once."""

    def waiting(self, workers: int) -> int:
        """Tasks that so many workers leave waiting."""
        return max((self.tasks or 0) - workers * self.slots, 0)


async def look(questions: Questions, execution: Execution, size: int) -> Told | None:
    """The load of all frameworks of an execution that tell; None when one of them does not answer as it says.

    `size` is the number of workers that is wished.
    """
    found: Told | None = None
    for framework in execution.plan.frameworks:
        pages = framework.status.load if framework.status else None
        if pages is None:
            continue
        told = read(pages, await _answers(questions, execution, framework, pages), size)
        if told is None:
            return None
        found = told if found is None else _join(found, told)
    return found


def _join(one: Told, other: Told) -> Told:
    """Of two frameworks; the tasks are those of the one that could use more workers."""
    more = one if one.load.useful >= other.load.useful else other
    return replace(more, load=one.load | other.load)


async def _answers(
    questions: Questions, execution: Execution, framework: FrameworkPlan, pages: LoadPages
) -> dict[str, Any] | None:
    """Answers of its pages by their names, then its figures by their expressions."""
    kept: dict[str, Any] = {}
    for page in pages.pages:
        try:
            words = {name: quote(str(value), safe="") for name, value in kept.items() if isinstance(value, (str, int))}
            path = bind(page.path, words)
        # Half of a character, or a number with more digits than Python writes.
        except (InvalidDocument, ValueError):
            return None
        answer = await questions.ask(execution, framework, pages.process, pages.port, path, {page.name: page.value})
        if answer is None or answer[page.name] is None:
            return None
        kept |= answer
    return kept


def read(pages: LoadPages, answers: dict[str, Any] | None, size: int) -> Told | None:
    """What the values of its pages say, by their names; None where that is not what they should."""
    if answers is None:
        return None
    tasks, done = _number(pages.tasks, answers), _number(pages.done, answers)
    wanted, busy = _number(pages.workers, answers), _busy(pages.busy, answers)
    asked = (pages.tasks, tasks), (pages.done, done), (pages.workers, wanted)
    if any(expression is not None and value is None for expression, value in asked):
        return None
    slots, left = int(pages.slots), None if tasks is None else max(tasks - (done or 0), 0)
    if wanted is not None:
        load = Load.of_workers(wanted, busy, size, any_work=None if left is None else left > 0)
    else:
        load = Load.of_tasks(left or 0, slots, busy, size)
    return Told(load, left, slots)


def _number(expression: str | None, answers: dict[str, Any]) -> int | None:
    value = None if expression is None else _search(expression, answers)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < _MOST:
        return None
    return math.ceil(value)


def _busy(expression: str | None, answers: dict[str, Any]) -> int | None:
    """The highest ordinal of a worker that has a task; -1 when none has, None when nobody knows."""
    value = None if expression is None else _search(expression, answers)
    if not isinstance(value, list) or not all(isinstance(each, (str, int)) for each in value):
        return None
    if not all(_ORDINAL.fullmatch(str(each)) for each in value):
        return None
    return max((int(each) for each in value), default=-1)


def _search(expression: str, answers: dict[str, Any]) -> Any:
    try:
        return evaluate(expression, answers)
    except ValueError:
        return None
