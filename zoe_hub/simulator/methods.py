"""Policies and orders by their names, as in the settings of a service."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..model.errors import UnknownName
from ..scheduler.orders import FIFO, Order
from ..scheduler.policies.base import Policy
from ..scheduler.policies.rigid import Rigid

POLICIES: Mapping[str, Callable[[], Policy]] = {"rigid": Rigid}
ORDERS: Mapping[str, Callable[[], Order]] = {"fifo": FIFO}


def policy(name: str) -> Policy:
    """A new one, as it remembers what it decided on. Raises UnknownName."""
    if name not in POLICIES:
        raise UnknownName("policy", name, POLICIES)
    return POLICIES[name]()


def order(name: str) -> Order:
    """Raises UnknownName."""
    if name not in ORDERS:
        raise UnknownName("order", name, ORDERS)
    return ORDERS[name]()
