"""What a login needs to know when the browser comes back from JupyterHub, kept by the browser itself.

JupyterHub's own class keeps it in the memory of the process, so a browser that comes back to another service on the
same database, or after a restart, could not be let in.
"""

from __future__ import annotations

import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

LASTS = 600
"""Seconds that a login may take; the cookie that JupyterHub's class sets lasts as long."""
LONGEST = 1000
"""Characters of the page to go to afterwards. Beyond, the login leads home: a browser keeps no cookie over 4 KiB."""


class Logins:
    """Seals with a key of 32 bytes, as base64url without padding; who has the same key can open."""

    def __init__(self, key: str) -> None:
        self._box = Fernet(f"{key}=")

    def seal(self, state: dict[str, Any]) -> str:
        """Text for an address or a cookie, which tells the browser nothing. It is another one at each call."""
        if len(state.get("next_url") or "") > LONGEST:
            state = state | {"next_url": None}
        return self._box.encrypt(json.dumps(state).encode()).decode().rstrip("=")

    def open(self, sealed: str) -> dict[str, Any]:
        """What was sealed; empty when it was not sealed here, was changed, or is too old."""
        padded = sealed.encode() + b"=" * (-len(sealed) % 4)
        try:
            found: dict[str, Any] = json.loads(self._box.decrypt(padded, ttl=LASTS))
        except InvalidToken:
            return {}
        return found
