"""Where a page of a cluster is, and how its addresses and a browser's relate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx


@dataclass(frozen=True)
class Target:
    """A page of a cluster: where it is, and what its requests carry."""

    host: str
    port: int
    prefix: str
    """Public path of the page, without a slash at the end."""
    headers: Mapping[str, str]
    keep_prefix: bool

    @property
    def netloc(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def path(self, rest: str) -> str:
        """The path to ask for, where a browser asks for `rest` below the public path."""
        return (self.prefix + rest) if self.keep_prefix else rest

    def location(self, location: str) -> str:
        """Where a redirection of the page leads in a browser. Raises RemoteProtocolError for what is no address."""
        try:
            parts = urlsplit(location)
        except ValueError as error:
            raise httpx.RemoteProtocolError("The page leads to what is no address") from error
        if parts.netloc not in ("", self.netloc):
            return location
        rest = parts._replace(scheme="", netloc="").geturl()
        below = rest == self.prefix or rest.startswith((self.prefix + "/", self.prefix + "?"))
        if not rest.startswith("/") or below:
            return rest
        # Two slashes would begin the name of another host.
        return self.prefix + "/" + rest.lstrip("/")
