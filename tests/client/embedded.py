"""The form without a Hub: a real Jupyter server, its user's own service, and processes of this machine."""

from __future__ import annotations

from pathlib import Path

from tests.client.real import FRAMEWORK, write_shop
from tests.zoe_server_ext.embedded import end, make_server
from tests.zoe_server_ext.servers import TOKEN
from zoe_hub.nearby import servers


class EmbeddedZoe:
    """As `RealZoe`, with what runs being real. `failing`: its programs do not exist."""

    token = TOKEN

    def __init__(self, folder: Path, *, cpus: float = 8, failing: bool = False) -> None:
        self.owner = servers.owner()
        self._home = folder / "home"
        sleeping = FRAMEWORK.replace("[run-head]", '[sleep, "100000"]').replace("[run-worker]", '[sleep, "100000"]')
        shop = write_shop(folder, FRAMEWORK if failing else sleeping)
        self._server = make_server(folder / "server", self._home, f"--ZoeConfig.cpus={cpus}", shop=shop)

    def __enter__(self) -> EmbeddedZoe:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._server.__exit__()
        finally:
            end(self._home)

    @property
    def url(self) -> str:
        return f"{self._server.url}zoe/"

    @property
    def server(self) -> str:
        """The notebook server, as executions are tied to it."""
        (name,) = servers.present(self._home)
        return name
