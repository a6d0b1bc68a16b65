"""Policies and orders by the names that configuration and the command line know them by."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from .measures import MEASURES
from .orders import FIFO, HRRN, SJF, SRPT, DynSize, Order
from .policies.base import Policy
from .policies.flexible import Flexible
from .policies.flexible_preemptive import FlexiblePreemptive
from .policies.malleable import Malleable
from .policies.rigid import Rigid
from .policies.zoe_2018 import Zoe2018

_Made = TypeVar("_Made")

POLICIES: dict[str, Callable[[], Policy]] = {
    made.name: made for made in (Rigid, Malleable, Flexible, FlexiblePreemptive, Zoe2018)
}

ORDERS: dict[str, Callable[[], Order]] = {
    FIFO.name: FIFO,
    **{sized.base + measure.suffix: partial(sized, measure) for sized in (SJF, SRPT, HRRN) for measure in MEASURES},
    DynSize.name: DynSize,
}


def make_policy(name: str) -> Policy:
    """A new one. Raises ValueError where there is none of that name."""
    return _known("policy", POLICIES, name)()


def make_order(name: str) -> Order:
    """A new one. Raises ValueError where there is none of that name."""
    return _known("order", ORDERS, name)()


def _known(kind: str, makers: dict[str, Callable[[], _Made]], name: str) -> Callable[[], _Made]:
    if name not in makers:
        raise ValueError(f"There is no {kind} {name!r}; there are {', '.join(makers)}.")
    return makers[name]
