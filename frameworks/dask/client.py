"""Connects a kernel to a Dask cluster."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from distributed import Client, Security

CONNECT_TIMEOUT = 20.0
CLOSE_TIMEOUT = 2.0


class ClusterClient(Client):
    """Dask's own client, which shows the address at which a browser reaches the dashboard."""

    public_dashboard = ""

    @property
    def dashboard_link(self) -> str:
        return self.public_dashboard


class CancelledFilter(logging.Filter):
    """Drops the traces of what `close` cancels, such as the attempt to reach a scheduler that has ended."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


_quiet = CancelledFilter()


def connect(connection: dict[str, str]) -> dict[str, Any]:
    """``{"client": …}``: connected, and the default for Dask's collections from now on.

    Raises OSError when the scheduler does not answer or does not know our certificate.
    """
    certificate, key = connection["certificate"], connection["key"]
    security = Security(  # type: ignore[no-untyped-call]
        require_encryption=True,
        tls_ca_file=certificate,
        tls_client_cert=certificate,
        tls_client_key=key,
    )
    # The client logs from a thread of its own, also after `disconnect` has returned.
    logging.getLogger("distributed.client").addFilter(_quiet)
    client = ClusterClient(  # type: ignore[no-untyped-call]
        connection["address"], security=security, timeout=CONNECT_TIMEOUT, set_as_default=True
    )
    client.public_dashboard = connection["dashboard"]
    return {"client": client}


def disconnect(names: dict[str, Any]) -> None:
    """Close the client, whether or not its cluster is still there. A second call does nothing."""
    client = names.get("client")
    if not isinstance(client, Client) or client.status == "closed":
        return
    with contextlib.suppress(OSError, TimeoutError, asyncio.TimeoutError):
        client.close(timeout=CLOSE_TIMEOUT)  # type: ignore[no-untyped-call]


def alive(names: dict[str, Any]) -> bool:
    """Whether the client still has its scheduler."""
    client = names.get("client")
    return isinstance(client, Client) and client.status == "running"
