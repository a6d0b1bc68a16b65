"""What a kernel knows of its surroundings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from zoe_hub.model.errors import ServiceUnavailable

from .kernel import kernel_id


@dataclass(frozen=True)
class Settings:
    """Where Zoe is, and who asks."""

    url: str
    token: str = field(repr=False)
    server: str = ""
    """The user server as the Hub calls it; filled in by the server extension when empty."""
    kernel: str | None = None
    """Identifier of this kernel, which it keeps when it restarts; None outside of kernels."""
    execution: str | None = None
    """The execution that this server is a part of, if it is."""


def read(url: str | None = None, token: str | None = None, *, environment: Mapping[str, str] = os.environ) -> Settings:
    """From the arguments, else from `ZOE_API_URL` and `ZOE_API_TOKEN`, else from `ZOE_URL` and its token.

    Raises ServiceUnavailable when there is no address.
    """
    if not url:
        for place, secret in (("ZOE_API_URL", "ZOE_API_TOKEN"), ("ZOE_URL", "ZOE_TOKEN")):
            if environment.get(place):
                url = environment[place]
                token = token or environment.get(secret) or environment.get("JUPYTERHUB_API_TOKEN", "")
                break
    if not url:
        raise ServiceUnavailable(
            "Zoe is not set up here: this kernel has no ZOE_API_URL. Start Jupyter where zoe-jupyter is installed, "
            "start your server from a JupyterHub with Zoe, or name the service: "
            'Zoe(url="https://…/services/zoe", token=…).'
        )
    return Settings(
        url=url,
        token=token or "",
        server=environment.get("ZOE_SERVER", ""),
        kernel=kernel_id(),
        execution=environment.get("ZOE_EXECUTION") or None,
    )
