"""The service of one user: listens at a private socket, and ends when nobody needs it."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket
from traitlets.config import Config

from .. import __version__
from ..app import Service, ZoeHub
from ..backends.base import Backend
from ..catalogue import Catalogue, shipped_folder
from ..controller.orphans import Orphans
from ..model.errors import ServiceUnavailable, ZoeError
from ..nearby import locks, runtime, servers
from ..nearby.runtime import Runtime
from ..secrets import Secrets
from ..store.base import Store
from ..web import Identities
from .caretaker import LOOK, Caretaker, PresentServers
from .first_use import FirstUse
from .identity import OwnerIdentities

_LONGEST_SOCKET = 100
"""Bytes of a path that the system takes for a socket, with some to spare."""


class EmbeddedService(ZoeHub):
    """Zoe without a Hub.

    `prefix` is the public path, below a Jupyter server's; `linger` is in seconds; `prepare` says whether
    frameworks are prepared in the background.
    """

    name = "zoe-embedded"

    def __init__(self, prefix: str, linger: float, prepare: bool, **more: Any) -> None:
        super().__init__(**more)
        self._prefix = prefix
        self._linger = linger
        self._prepare = prepare
        self._token = ""
        self._caretaker: Caretaker | None = None

    def check_user(self) -> None:
        """Whoever the user is, all of this is the user's own."""

    def public_prefix(self) -> str:
        return self._prefix

    def identities(self) -> Identities:
        # The same for every service of the folder: servers that knew the last one know this one too.
        self._token = Secrets.load(self.settings.key_file).token("service", "embedded", "door")
        return OwnerIdentities(servers.owner(), self._token)

    def listen(self, server: HTTPServer) -> str:
        path = self._socket_path()
        try:
            server.add_socket(bind_unix_socket(str(path), mode=0o600))
        except OSError as error:
            raise ServiceUnavailable(f"The service cannot listen at {path}: {error.strerror}.") from error
        Runtime(
            url=f"http+unix://{quote(str(path), safe='')}{self._prefix}",
            socket=str(path),
            prefix=self._prefix,
            token=self._token,
            version=__version__,
            pid=os.getpid(),
            machine=platform.node(),
        ).write(Path(self.settings.home))
        return str(path)

    def led_tasks(self, service: Service, store: Store, backend: Backend) -> Sequence[Coroutine[Any, Any, None]]:
        # A server whose file nobody holds any more is gone for certain: there is nothing to be patient for.
        servers = PresentServers(Path(self.settings.home))
        gone = Orphans(store, servers, executions=service.executions, interval=LOOK, patience=0.0)
        return [*super().led_tasks(service, store, backend), gone.run()]

    def further_tasks(self, store: Store) -> Sequence[Coroutine[Any, Any, None]]:
        self._caretaker = Caretaker(store, Path(self.settings.home), linger=self._linger)
        if not self._prepare:
            return (self._caretaker.run(),)
        catalogue = Catalogue([shipped_folder(), *map(Path, self.settings.folders)])
        return (self._caretaker.run(), FirstUse(store, catalogue, self.settings.cache_folder).run())

    def start(self) -> None:
        """Run until nobody needs it, or SIGTERM. Returns at once where another one runs already."""
        home = Path(self.settings.home)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = locks.hold(home / runtime.LOCK)
        if held is None:
            return
        try:
            super().start()
            if self._caretaker is not None and self._caretaker.nothing_left:
                runtime.forget(home)
        finally:
            os.close(held)

    def _socket_path(self) -> Path:
        path = Path(self.settings.home) / "data" / "socket"
        if len(os.fsencode(path)) <= _LONGEST_SOCKET:
            return path
        return Path(tempfile.mkdtemp(prefix="zoe-")) / "socket"


def main() -> None:
    """Entry point. What the user can mend is one sentence, the last that is said."""
    os.umask(0o077)
    given = json.load(sys.stdin)
    try:
        app = EmbeddedService(config=Config({"ZoeConfig": given.pop("settings")}), **given)
        app.initialize([])
        app.start()
    except ZoeError as error:
        sys.exit(f"zoe: {error}")
