"""The store in a relational database fulfils the contract."""

from __future__ import annotations

from .contract import StoreContract


class TestSQLStore(StoreContract):
    pass
