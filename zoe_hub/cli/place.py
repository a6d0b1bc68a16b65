"""Where the service and the Hub are, and with which token."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..client import ZoeClient
from ..client.administration import AdministratorsClient
from ..model.errors import InvalidRequest, ServiceUnavailable
from ..nearby import runtime
from ..nearby.home import own_home


@dataclass(frozen=True)
class Place:
    """The token is in no repr."""

    url: str
    token: str = field(repr=False)
    hub_url: str = ""
    hub_token: str = field(default="", repr=False)
    server: str = ""

    def client(self) -> ZoeClient:
        """A client, to be used as a context manager."""
        return ZoeClient(self.url, self.token)

    def administrators_client(self) -> AdministratorsClient:
        """The same with what administrators may ask for."""
        return AdministratorsClient(self.url, self.token)


def find(
    *,
    url: str | None = None,
    token_file: Path | None = None,
    hub_url: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Place:
    """From the options, else from the environment, else the user's own service on this machine.

    Raises ServiceUnavailable when nothing says where Zoe is.
    """
    token = _read(token_file) if token_file else None
    if url is None:
        for place, secret in (("ZOE_API_URL", "ZOE_API_TOKEN"), ("ZOE_URL", "ZOE_TOKEN")):
            if environment.get(place):
                url = environment[place]
                token = token or environment.get(secret)
                break
    if not url and (own := runtime.running(own_home(environment))):
        url, token = own.url, own.token
    if not url:
        raise ServiceUnavailable(
            "Nothing says where Zoe is. In a terminal of your Jupyter server it is known; elsewhere set ZOE_URL and "
            "ZOE_TOKEN, or give --url and --token-file. Without a Hub, the first cell that asks for a cluster starts "
            f"it, and it ends with the last Jupyter server and cluster: none runs for {own_home(environment)}."
        )
    token = token or environment.get("ZOE_TOKEN") or environment.get("JUPYTERHUB_API_TOKEN", "")
    hub_token = token if token_file else environment.get("ZOE_TOKEN") or environment.get("JUPYTERHUB_API_TOKEN", token)
    return Place(
        url=url,
        token=token,
        hub_url=(hub_url or environment.get("JUPYTERHUB_API_URL", "")).rstrip("/"),
        hub_token=hub_token,
        server=environment.get("ZOE_SERVER", ""),
    )


def _read(path: Path) -> str:
    try:
        token = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InvalidRequest(f"The token cannot be read from {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{path} does not hold a token: it is not written in UTF-8.") from error
    if not token or len(token.split()) != 1:
        raise InvalidRequest(f"{path} does not hold a token and nothing else.")
    return token
