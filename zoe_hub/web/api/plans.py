"""From a submission to its plan, and whether the machines could ever run it."""

from __future__ import annotations

from collections.abc import Sequence

from ...composition import compose, not_runnable
from ...model.commands import Submit
from ...model.errors import CapacityExceeded, InvalidRequest
from ...model.plan import Plan
from ...model.resources import Node, Resources
from ...model.zapp import LifetimeWish
from ..context import WebContext
from ..operations import Call
from .shop import find_zapp, own_zapps


async def plan_of(call: Call, submit: Submit) -> tuple[Plan, str]:
    """The plan of a submission, and the name of its ZApp.

    Raises what `compose` raises, UnknownName for a ZApp, and NotRunnable for the name of a framework.
    """
    if (submit.zapp is None) == (submit.definition is None):
        raise InvalidRequest("Give either `zapp`, a name in the shop, or `definition`, a ZApp of your own; not both.")
    shelves = call.context.catalogue
    if submit.definition is not None:
        zapp = submit.definition
    else:
        name = submit.zapp or ""
        own = await own_zapps(call, submit.owner)
        if name in shelves.frameworks and name not in shelves.zapps and name not in own:
            raise not_runnable(shelves.frameworks[name], [*shelves.zapps.values(), *own.values()])
        zapp, _ = await find_zapp(call, name, submit.owner)
    plan = compose(zapp, submit.parameters, shelves.frameworks)
    lifetime = call.context.lifetimes.resolve(
        zapp, submit.lifetime or LifetimeWish(), attachable=plan.attachable, server=plan.server is not None
    )
    return plan.model_copy(update={"lifetime": lifetime}), zapp.name


async def check_capacity(context: WebContext, plan: Plan) -> None:
    """Raise CapacityExceeded for a core that will never fit, whoever else leaves."""
    nodes = await context.nodes()
    capacity = sum((node.capacity for node in nodes), Resources())
    if not _fits(plan.core, capacity):
        raise CapacityExceeded(f"{plan.title} needs {plan.core} to start; all machines together have {capacity}.")
    for process in plan.processes:
        if process.core + process.elastic and not _fits_a_node(process.resources, nodes):
            largest = "; ".join(f"{node.name}: {node.capacity}" for node in nodes[:5])
            raise CapacityExceeded(f"One {process.title} needs {process.resources}; no machine has that ({largest}).")


def _fits(need: Resources, capacity: Resources) -> bool:
    return need.cpu <= capacity.cpu and need.memory <= capacity.memory and need.gpu <= capacity.gpu


def _fits_a_node(need: Resources, nodes: Sequence[Node]) -> bool:
    return any(_fits(need, node.capacity) for node in nodes)
