"""Policies and orders by their names, as in the settings of a service."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .orders import FIFO, Order
from .policies.base import Policy
from .policies.flexible import Flexible
from .policies.malleable import Malleable
from .policies.rigid import Rigid

POLICIES: Mapping[str, Callable[[], Policy]] = {made.name: made for made in (Rigid, Malleable, Flexible)}
"""A new one for each cluster, as it may remember what it decided on."""
ORDERS: Mapping[str, Callable[[], Order]] = {made.name: made for made in (FIFO,)}
