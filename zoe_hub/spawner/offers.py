"""What a ZApp of the shop would cost, and whether it would start now: sentences for the form. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..client.quotas import OwnQuotaView, UseView, amount
from ..client.views import PlanView

_WORDS = {"cpu": "CPU", "memory": "of memory", "gpu": "GPU", "instances": "instances", "executions": "executions"}


@dataclass(frozen=True)
class Cost:
    """Of one limited dimension: what it takes of what is left."""

    sentence: str
    too_much: bool
    """Whether it could not start because of it."""


@dataclass(frozen=True)
class Offer:
    """About one ZApp, with the parameters that the form proposes. Empty: nothing is known."""

    outlook: str = ""
    starts_now: bool = False
    needs: str = ""
    costs: tuple[Cost, ...] = ()


def offer(plan: PlanView, quota: OwnQuotaView | None) -> Offer:
    """What its plan says, and what the owner's quota has left."""
    return Offer(
        outlook=plan.outlook.sentence if plan.outlook else "",
        starts_now=plan.outlook is not None and plan.outlook.now,
        needs=_needs(plan),
        costs=tuple(_costs(plan, quota)) if quota is not None else (),
    )


def _needs(plan: PlanView) -> str:
    if plan.core is None:
        return ""
    if plan.total is None or plan.total == plan.core:
        return f"Needs {plan.core}."
    return f"Needs {plan.core} to start, and takes up to {plan.total}."


def _costs(plan: PlanView, quota: OwnQuotaView) -> Iterator[Cost]:
    asked = _asked(plan)
    for whose, subject in [("your", quota.own), *((f"group {its.name}'s", its) for its in quota.together)]:
        for use in subject.uses:
            if use.limit is None:
                continue
            if use.dimension == "cpu_hours":
                yield _hours(whose, use, use.limit)
            elif asked.get(use.dimension):
                yield _held(whose, use, use.limit, asked[use.dimension])


def _held(whose: str, use: UseView, limit: float, takes: float) -> Cost:
    left = max(0.0, limit - use.used)
    unit = _WORDS.get(use.dimension, use.dimension)
    sentence = (
        f"Takes {_tell(use, takes)} {unit} of the {_tell(use, left)} left in {whose} quota of {_tell(use, limit)}."
    )
    return Cost(sentence, takes > left)


def _hours(whose: str, use: UseView, limit: float) -> Cost:
    left = max(0.0, limit - use.used)
    return Cost(f"{_tell(use, left)} of {_tell(use, limit)} CPU hours are left in {whose} quota.", left <= 0)


def _tell(use: UseView, value: float) -> str:
    return amount(use.dimension, round(value, 2))


def _asked(plan: PlanView) -> dict[str, float]:
    """What it takes before it can start."""
    held = {"executions": 1.0, "instances": float(sum(process.core for process in plan.processes))}
    if plan.core is not None:
        held |= {"cpu": plan.core.cpu, "memory": float(plan.core.memory), "gpu": float(plan.core.gpu)}
    return held
