"""What happens before a cell: a kernel finds its clusters again."""

from __future__ import annotations

import http.client
import json
import os
import ssl
from typing import Any
from urllib.parse import urlencode, urlsplit

from .notices import say

_PATIENCE = 5.0
"""Seconds for the question whether there is anything to connect."""


def find_attachments() -> None:
    """Connect what is attached to this kernel, or is one with its server. Asks little where there is nothing."""
    url, server = os.environ.get("ZOE_API_URL", ""), os.environ.get("ZOE_SERVER", "")
    own = os.environ.get("ZOE_EXECUTION", "")
    kernel = _kernel_id()
    if kernel is None:
        return  # a shell of IPython's in a terminal
    try:
        found = _ask(url, os.environ.get("ZOE_API_TOKEN", ""), server)
    except (OSError, http.client.HTTPException, ValueError):
        what = "Zoe could not be asked for this notebook's clusters. zoe.executions() lists them when it is back."
        say(what, "degraded")
        return
    for document in reversed(found):  # the newest last: its names win
        attachment = document.get("attachment") or {}
        ours = attachment.get("kernel") == kernel and attachment.get("server") in (server, None)
        if ours or (own and document.get("id") == own and _attachable(document)):
            _connect(str(document["name"]), str(document["id"]))


def look_after_attachments() -> None:
    """See to what has changed since the last cell."""
    from zoe_hub.model.errors import ZoeError

    from .api import Zoe
    from .calls import run

    zoe = Zoe()
    try:
        for sentence in run(zoe._core.keeper.look_after):
            say(sentence)
    except ZoeError as error:
        say(str(error), "degraded")
    except KeyboardInterrupt:
        say("Interrupted; the next cell tries again.")


def _connect(name: str, execution: str) -> None:
    from zoe_hub.model.errors import ZoeError

    from .api import Zoe
    from .calls import run

    zoe = Zoe()
    try:
        run(lambda caller: zoe._core.connect(caller, execution, None, found=True))
    except ZoeError as error:
        say(f"This notebook's {name} could not be connected: {error}", "failed")
    except KeyboardInterrupt:
        say(f"Interrupted; zoe.connect({name!r}) connects later.")


def _ask(url: str, token: str, server: str) -> list[dict[str, Any]]:
    """Live executions of this server. By the standard library: our client takes longer to import than to answer."""
    parts = urlsplit(url)
    query = urlencode({"live": "true", **({"server": server} if server else {})})
    connection: http.client.HTTPConnection
    if parts.scheme == "http+unix":
        from .unix import UnixConnection

        connection = UnixConnection(parts.netloc, timeout=_PATIENCE)
    elif parts.scheme == "https":
        connection = http.client.HTTPSConnection(parts.netloc, timeout=_PATIENCE, context=_context())
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=_PATIENCE)
    try:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        connection.request("GET", f"{parts.path.rstrip('/')}/api/v1/executions?{query}", headers=headers)
        response = connection.getresponse()
        body = response.read()
    finally:
        connection.close()
    if response.status != 200:
        raise ValueError(f"status {response.status}")
    found = json.loads(body).get("executions", [])
    return [item for item in found if isinstance(item, dict)]


def _context() -> ssl.SSLContext | None:
    from zoe_hub.client.transport import make_ssl_context

    return make_ssl_context()


def _attachable(document: dict[str, Any]) -> bool:
    plan = document.get("plan") or {}
    return bool(plan.get("attachable", True))


def _kernel_id() -> str | None:
    from .kernel import kernel_id

    return kernel_id()
