"""The relay: one request to the Hub service, its answer as it comes."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from . import surroundings

if TYPE_CHECKING:
    import httpx

_ASKED = ("Accept", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID")
_ANSWERED = ("Allow", "Cache-Control", "Content-Type", "ETag", "Retry-After", "X-Accel-Buffering")
_API = "/api/v1"


@dataclass
class Relay:
    """Speaks with the Hub service in the name of this server. The token is in no repr."""

    url: str
    token: str = field(repr=False)
    server: str = ""
    _http: httpx.AsyncClient | None = field(default=None, repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Relay:
        """From `ZOE_URL` (empty: not set up), `JUPYTERHUB_API_TOKEN` or `ZOE_TOKEN`, and `ZOE_SERVER`."""
        token = environment.get("JUPYTERHUB_API_TOKEN") or environment.get("ZOE_TOKEN", "")
        url = environment.get("ZOE_URL", "").rstrip("/")
        return cls(url=url, token=token, server=surroundings.server_name(environment))

    @asynccontextmanager
    async def ask(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> AsyncGenerator[httpx.Response, None]:
        """The answer, its body unread. Raises httpx.TransportError when the service cannot be reached."""
        import httpx

        if self._http is None:
            from zoe_hub.client.transport import make_http

            self._http = make_http(f"{self.url}{_API}", timeout=30)
        asked = {name: headers[name] for name in _ASKED if name in headers}
        asked |= {"Authorization": f"Bearer {self.token}", "Accept-Encoding": "identity"}
        target = f"{path}?{query}" if query else path
        timeout = httpx.Timeout(30, read=None)  # event streams are silent as long as nothing happens
        async with self._http.stream(method, target, headers=asked, content=body or None, timeout=timeout) as answer:
            yield answer

    def fill_in(self, method: str, path: str, body: bytes) -> bytes:
        """The body, with this server named in an attachment that names none."""
        submits = method == "POST" and path.strip("/") == "executions"
        attaches = method == "PUT" and path.rstrip("/").endswith("/attachment")
        if not body or not (submits or attaches):
            return body
        try:
            document = json.loads(body)
        except ValueError:
            return body  # the service says what is wrong with it
        attachment = document.get("attachment") if submits and isinstance(document, dict) else document
        if not isinstance(attachment, dict) or attachment.get("server"):
            return body
        attachment["server"] = self.server
        return json.dumps(document).encode()

    @staticmethod
    def headers(answer: httpx.Response, prefix: str) -> dict[str, str]:
        """Headers to answer with. `Location` is moved under `prefix`."""
        found = {name: answer.headers[name] for name in _ANSWERED if name in answer.headers}
        place = urlsplit(answer.headers.get("Location", "")).path
        if _API in place:
            found["Location"] = prefix + place.split(_API, 1)[1]
        return found


def problem(status: int, title: str, detail: str, kind: str = "about:blank") -> dict[str, Any]:
    """A problem details document."""
    return {"type": kind, "title": title, "status": status, "detail": detail}
