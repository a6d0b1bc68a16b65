"""Fixtures of the web's tests (a site and its callers), and of the spawner's (`proxy`)."""

from __future__ import annotations

from tests.spawner.conftest import proxy
from tests.web.conftest import alice, empty_database, shop, site, store

__all__ = ["alice", "empty_database", "proxy", "shop", "site", "store"]
