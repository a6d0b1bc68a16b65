"""What an administrator says of Zoe to a Hub's spawner, and the client that follows from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from traitlets import Float, List, Unicode, default, validate
from traitlets.config import LoggingConfigurable

from ..client import ZoeClient
from ..model.errors import ServiceUnavailable
from .tokens import token_scopes

if TYPE_CHECKING:
    from jupyterhub.spawner import Spawner as _Spawner  # type: ignore[import-untyped]
else:
    # One part of a spawner: the Hub wants of each subclass of its own that it can start servers.
    _Spawner = LoggingConfigurable


class ZoeSettings(_Spawner):  # type: ignore[misc]
    """The settings of a spawner with Zoe's mixin. It, and what is made of it, comes before `Spawner`."""

    zoe_url = Unicode(
        help="Address of Zoe's Hub service as this Hub and the user servers reach it, without a slash at the end, such "
        "as http://127.0.0.1:9999/services/zoe. `zoe_hub.hub.configure` sets it. Servers on other machines need an "
        "address that is not loopback, which is then open to whoever reaches that network."
    ).tag(config=True)
    zoe_token = Unicode(
        help="Token with the scope custom:zoe:admin:executions, with which the spawner acts for the users. "
        "`zoe_hub.hub.configure` sets it. It is given to no user server: whoever has it can start and end everybody's "
        "executions."
    ).tag(config=True)
    zoe_server_scopes = List(
        Unicode(),
        help="Scopes that each server's own token has beside those of the role `server`, as far as its user has them. "
        "`zoe_hub.hub.configure` sets them. With fewer, notebooks can do less with Zoe; with none, nothing.",
    ).tag(config=True)
    default_zapp = Unicode(
        "jupyterlab",
        help="Name of the ZApp that is started when nothing was chosen, as by a REST request without user_options.",
    ).tag(config=True)
    zoe_timeout = Float(
        10,
        min=0.1,
        help="Seconds to wait for one answer of Zoe's service. Longer: a slow service is not taken for a dead one; "
        "shorter: the spawn page appears sooner when it is dead.",
    ).tag(config=True)
    zoe_patience = Float(
        45,
        min=0,
        help="Seconds for which a start that has been submitted goes on trying while Zoe's service is away. The Hub "
        "looks every 5 seconds whether its services run. Longer: fewer starts fail; shorter: users know sooner.",
    ).tag(config=True)

    @default("start_timeout")
    def _zoe_start_timeout(self) -> int:
        # Waiting in the queue counts; the parent's 60 seconds are for a process that only has to start.
        return 900

    @default("server_token_scopes")
    def _zoe_default_scopes(self) -> Callable[..., Any]:
        return token_scopes([])

    @validate("server_token_scopes")
    def _zoe_add_scopes(self, proposal: Any) -> Callable[..., Any]:
        return token_scopes(proposal.value)

    @property
    def zoe_server(self) -> str:
        """The name of this server in attachments: ``user/`` or ``user/servername``."""
        return f"{self.user.name}/{self.name or ''}"

    def zoe_client(self, patience: float) -> ZoeClient:
        """A client that goes on trying for about `patience` seconds.

        Raises ServiceUnavailable when Zoe is not configured.
        """
        if not self.zoe_url or not self.zoe_token:
            raise ServiceUnavailable(
                "The spawner does not know where Zoe's service is. "
                "The administrator must call zoe_hub.hub.configure(c) in jupyterhub_config.py."
            )
        delays: list[float] = []
        while sum(delays) < patience:
            delays.append(min(0.2 * 2 ** len(delays), 5.0))
        return ZoeClient(self.zoe_url, self.zoe_token, timeout=self.zoe_timeout, retry_delays=delays)
