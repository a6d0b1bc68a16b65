"""What stops the set-up or the demo hub."""

from __future__ import annotations


class SetUpError(Exception):
    """Raised when set-up or the demo hub cannot go on; its message is a sentence that says what to do."""
