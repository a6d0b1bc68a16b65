"""What can be wrong with a database as such."""

from __future__ import annotations

from ..model.errors import ZoeError


class NewerDatabase(ZoeError):
    """Raised when a newer version of Zoe has changed the database's schema to one unknown here."""
