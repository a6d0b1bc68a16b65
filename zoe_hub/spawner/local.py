"""ZoeSpawner for servers that are processes of the Hub's own machine."""

from __future__ import annotations

import sys

from jupyterhub.spawner import LocalProcessSpawner, SimpleLocalProcessSpawner  # type: ignore[import-untyped]

from ..client import ExecutionView
from .mixin import ZoeMixin


class _ZoeHere(ZoeMixin):
    """The server runs in the Hub's own environment."""

    def zoe_references(self, view: ExecutionView) -> dict[str, str]:
        return {**super().zoe_references(view), "python": sys.executable}


class ZoeLocalSpawner(_ZoeHere, LocalProcessSpawner):  # type: ignore[misc]
    """LocalProcessSpawner, with the shop: servers run as the system user of the same name."""


class ZoeSimpleSpawner(_ZoeHere, SimpleLocalProcessSpawner):  # type: ignore[misc]
    """SimpleLocalProcessSpawner, with the shop: no system users, and so no protection of users from each other."""
