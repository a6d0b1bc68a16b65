"""Who may pass to Zoe: whom the Jupyter server lets in, and its own kernels and terminals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_server.auth import User

if TYPE_CHECKING:
    from jupyter_server.base.handlers import JupyterHandler

    from .relay import Relay

    _Base = JupyterHandler
else:
    _Base = object


class Door(_Base):
    """Comes before a handler of the Jupyter server, whose own rules count."""

    async def prepare(self, *args: Any, **more: Any) -> None:
        relay: Relay = self.settings["zoe_relay"]
        kind, _, token = self.request.headers.get("Authorization", "").partition(" ")
        if kind.lower() in ("bearer", "token") and relay.opens(token.strip()):
            # As the server itself notes it for a token of its own.
            self._jupyter_current_user = User(username="zoe")
            self._token_authenticated = True
        answer = super().prepare(*args, **more)
        if answer is not None:
            await answer
