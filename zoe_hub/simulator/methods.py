"""Policies and orders by their names: those of the scheduler."""

from __future__ import annotations

from ..scheduler.methods import ORDERS, POLICIES, order, policy

__all__ = ["ORDERS", "POLICIES", "order", "policy"]
