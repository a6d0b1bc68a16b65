"""What can be wrong with a database as such."""

from __future__ import annotations

from ..model.errors import ZoeError


class NewerDatabase(ZoeError):
    """Raised when a newer version of Zoe has changed the database's schema to one unknown here."""


class OlderDatabase(ZoeError):
    """Raised when a database's schema is from before the oldest that this version of Zoe can bring forward."""
