"""Whether, and between which sizes, an execution may follow its load."""

from __future__ import annotations

from collections.abc import Mapping

from ..model.adaptation import Adaptation
from ..model.errors import InvalidParameter, InvalidRequest
from ..model.framework import Framework
from ..model.plan import Plan
from .compose import rescale


def adaptable(
    plan: Plan, adaptation: Adaptation, frameworks: Mapping[str, Framework], *, current: int
) -> tuple[int, Plan]:
    """The size within the bounds that is nearest to the current one, and the plan with it.

    Raises InvalidRequest where nothing of the ZApp says how much there is to do, and InvalidParameter, which names
    `minimum` or `maximum`, for a bound that its parameter does not have or that would change what is core, or take
    some of it away.
    """
    scales = plan.scales
    if scales is None:
        raise InvalidRequest(f"{plan.title} has no number of workers that could follow its load.")
    if not any(framework.status and framework.status.load for framework in plan.frameworks):
        raise InvalidRequest(
            f"{plan.title} cannot follow its load: none of its frameworks says how much there is to do (status.load)."
        )
    if adaptation.minimum > adaptation.maximum:
        raise InvalidParameter(
            "minimum",
            f"{adaptation.minimum} is above the maximum, {adaptation.maximum}; the bounds are the wrong way round",
        )
    plans = {}
    for bound in ("minimum", "maximum"):
        try:
            plans[bound] = rescale(plan, {scales: getattr(adaptation, bound)}, frameworks)
        except InvalidParameter as error:
            raise InvalidParameter(bound, error.reason) from error
    # What is core is needed for the cluster to work at all; it is neither given in part nor taken back.
    whole = max(adaptation.maximum, current) or 1
    cores = _cores(rescale(plan, {scales: whole}, frameworks))
    if _cores(plans["minimum"]) != cores:
        raise InvalidParameter(
            "minimum",
            f"with {adaptation.minimum} {scales} other instances are core than with {whole}; "
            f"only elastic ones follow the load{_hint(plan, adaptation, frameworks, cores, whole)}",
        )
    size = adaptation.clamp(current)
    return size, rescale(plan, {scales: size}, frameworks)


def _cores(plan: Plan) -> list[int]:
    return [process.core for process in plan.processes]


def _hint(plan: Plan, adaptation: Adaptation, frameworks: Mapping[str, Framework], cores: list[int], whole: int) -> str:
    """The least minimum that would do, where there is one."""
    low, high = adaptation.minimum, whole
    while low < high:
        middle = (low + high) // 2
        one = rescale(plan, {plan.scales or "": middle}, frameworks)
        if _cores(one) == cores:
            high = middle
        else:
            low = middle + 1
    return f". The least that would do is {high}" if high != adaptation.maximum else ""
