"""Connects a kernel to a Dask cluster."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

from distributed import Client, Security

CONNECT_TIMEOUT = 20.0
CLOSE_TIMEOUT = 2.0


def connect(connection: dict[str, str]) -> dict[str, Any]:
    """``{"client": …}``: connected, and the default for Dask's collections from now on.

    Raises OSError when the scheduler does not answer or does not know our certificate.
    """
    certificate, key = connection["certificate"], connection["key"]
    security = Security(
        require_encryption=True,
        tls_ca_file=certificate,
        tls_client_cert=certificate,
        tls_client_key=key,
    )
    return {"client": Client(connection["address"], security=security, timeout=CONNECT_TIMEOUT, set_as_default=True)}


def disconnect(names: dict[str, Any]) -> None:
    """Close the client, whether or not its cluster is still there. A second call does nothing."""
    client = names.get("client")
    if not isinstance(client, Client) or client.status == "closed":
        return
    logger = logging.getLogger("distributed.client")
    level = logger.level
    # A cluster that ended before its client is no news to whoever ended it.
    logger.setLevel(logging.CRITICAL)
    try:
        with contextlib.suppress(OSError, TimeoutError):
            client.close(timeout=CLOSE_TIMEOUT)
    finally:
        logger.setLevel(level)


def alive(names: dict[str, Any]) -> bool:
    """Whether the client still has its scheduler."""
    client = names.get("client")
    return isinstance(client, Client) and client.status == "running"
