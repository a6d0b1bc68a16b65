"""The REST interface as a library: what the spawner, the notebook and the command line speak through."""

from __future__ import annotations

from .client import ZoeClient
from .views import ConnectionView, ExecutionView, InstanceView, MeView, PlanView, ProcessView, ShopView, ZAppView

__all__ = [
    "ConnectionView",
    "ExecutionView",
    "InstanceView",
    "MeView",
    "PlanView",
    "ProcessView",
    "ShopView",
    "ZAppView",
    "ZoeClient",
]
