"""Policies and orders by their names, as in the settings of a service and on the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from ..model.errors import UnknownName
from .measures import MEASURES
from .orders import FIFO, HRRN, SJF, SRPT, DynSize, Order
from .policies.base import Policy
from .policies.elastic import Elastic
from .policies.flexible import Flexible
from .policies.flexible_preemptive import FlexiblePreemptive
from .policies.malleable import Malleable
from .policies.rigid import Rigid
from .policies.zoe_2018 import Zoe2018

POLICIES: Mapping[str, Callable[[], Policy]] = {
    made.name: made for made in (Rigid, Malleable, Flexible, FlexiblePreemptive, Zoe2018, Elastic)
}
"""A new one for each cluster, as it may remember what it decided on."""
ORDERS: Mapping[str, Callable[[], Order]] = {
    FIFO.name: FIFO,
    **{sized.base + measure.suffix: partial(sized, measure) for sized in (SJF, SRPT, HRRN) for measure in MEASURES},
    DynSize.name: DynSize,
}
"""A new one for each cluster, as it may be told what the cluster has."""


def policy(name: str) -> Policy:
    """A new one. Raises UnknownName."""
    if name not in POLICIES:
        raise UnknownName("policy", name, POLICIES)
    return POLICIES[name]()


def order(name: str) -> Order:
    """A new one. Raises UnknownName."""
    if name not in ORDERS:
        raise UnknownName("order", name, ORDERS)
    return ORDERS[name]()
