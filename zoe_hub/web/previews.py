"""What a start would take: what it needs, and what that leaves of its owner's quotas, in sentences. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..model.outlook import Outlook
from ..model.plan import Plan
from ..model.resources import exact_bytes
from ..scheduler.allowances import Allowance, Dimension
from ..scheduler.quotas import Accounts, Party
from ..scheduler.shapes import Shape
from .views import CostView, PreviewView


def preview(plan: Plan, outlook: Outlook | None = None, costs: tuple[CostView, ...] = ()) -> PreviewView:
    """Of a plan; without an outlook, of what it needs only."""
    return PreviewView(
        outlook=outlook.sentence if outlook else "",
        starts_now=outlook is not None and outlook.now,
        needs=_needs(plan),
        costs=list(costs),
    )


def refused(plan: Plan, owner: str, groups: tuple[str, ...], accounts: Accounts) -> Outlook | None:
    """What is to be expected where a quota does not let it in at all; None where it does."""
    core = [(Shape.of(process.resources), process.core) for process in plan.processes]
    refusal = accounts.refused(Party("", plan.zapp, owner, groups), core)
    return None if refusal is None else Outlook(now=False, refused=True, reason=str(refusal))


def costs_of(plan: Plan, owner: str, groups: tuple[str, ...], accounts: Accounts) -> tuple[CostView, ...]:
    """What its start would take of what the owner, and the owner's groups together, may have."""
    rules, asked = accounts.rules, _asked(plan)
    allowances = [rules.own(owner, groups), *(rules.together(group) for group in sorted(set(groups)))]
    return tuple(cost for allowance in allowances for cost in _costs(allowance, asked, accounts))


def _needs(plan: Plan) -> str:
    if plan.total == plan.core:
        return f"Needs {plan.core}."
    return f"Needs {plan.core} to start, and takes up to {plan.total}."


def _asked(plan: Plan) -> Mapping[Dimension, int]:
    """What it takes before it can start."""
    return {
        Dimension.CPU: round(plan.core.cpu * Dimension.CPU.unit),
        Dimension.MEMORY: plan.core.memory,
        Dimension.GPU: plan.core.gpu,
        Dimension.INSTANCES: sum(process.core for process in plan.processes),
        Dimension.EXECUTIONS: 1,
    }


def _costs(allowance: Allowance, asked: Mapping[Dimension, int], accounts: Accounts) -> Iterator[CostView]:
    subject = allowance.subject
    whose = "your quota" if subject.kind == "user" else f"the quota of group {subject.name}"
    for dimension, bound in allowance.bounds.items():
        hours = dimension is Dimension.CPU_HOURS
        takes = asked.get(dimension, 0)
        if not takes and not hours:
            continue
        left = max(0, bound.limit - accounts.used(subject, dimension))
        too_much = left <= 0 if hours else takes > left
        yield CostView(
            subject=str(subject),
            dimension=dimension.value,
            takes=dimension.plain(takes),
            left=dimension.plain(left),
            limit=dimension.plain(bound.limit),
            too_much=too_much,
            sentence=_sentence(allowance, dimension, whose, takes, left),
        )


def _sentence(allowance: Allowance, dimension: Dimension, whose: str, takes: int, left: int) -> str:
    limit = allowance.tell(dimension)
    if dimension is Dimension.CPU_HOURS:
        return f"{dimension.tell(left)} are left in {whose} of {limit}."
    if takes > left:
        told, rest = dimension.tell(takes), dimension.tell(left)
        if told == rest:  # rounded, for people; here the difference is what matters
            told, rest = exact_bytes(takes), exact_bytes(left)
        return f"Too much for {whose} of {limit}: it takes {told}, and {rest} are left."
    if takes == left:
        return f"Takes {dimension.tell(takes)}, all that is left in {whose} of {limit}."
    return f"Takes {dimension.tell(takes)}; {dimension.tell(left - takes)} stay free in {whose} of {limit}."
