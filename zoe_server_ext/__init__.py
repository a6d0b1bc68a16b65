"""Zoe inside a user's Jupyter server: relays to the Hub's service or the user's own, and tells kernels where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "zoe_server_ext"}]


def _load_jupyter_server_extension(serverapp: ServerApp) -> None:
    from .extension import load

    load(serverapp)
