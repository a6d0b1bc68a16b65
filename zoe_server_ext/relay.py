"""The relay: one request to the Hub service, its answer as it comes."""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus, urlsplit

from zoe_hub.relaying import streamed

from . import surroundings

if TYPE_CHECKING:
    import httpx

_ASKED = ("Accept", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID", "Prefer")
_ANSWERED = ("Allow", "Cache-Control", "Content-Type", "ETag", "Retry-After", "X-Accel-Buffering", "X-Request-Id")
API = "/api/v1"


class Relay:
    """Speaks with the service in the name of this server. The token is in no repr."""

    def __init__(self, url: str, token: str, server: str = "") -> None:
        self.url = url
        self._token = token
        self.server = server
        self.key = ""
        """A token of Zoe's own in this server, for its kernels and terminals; none: they use the server's."""
        self._clients: dict[str, httpx.AsyncClient] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

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
        """The answer of the REST interface, its body unread.

        Raises httpx.TransportError when the service cannot be reached, and ServiceUnavailable with the reason
        where that is known.
        """
        async with self.send(self.url, self._token, method, API + path, query, self.asked(headers), body) as answer:
            yield answer

    @staticmethod
    def asked(headers: Mapping[str, str]) -> list[tuple[str, str]]:
        """What goes on of a request's headers."""
        return [*((name, headers[name]) for name in _ASKED if name in headers), ("Accept-Encoding", "identity")]

    def opens(self, token: str) -> bool:
        """Whether the token opens Zoe in this server, beside what the server itself accepts."""
        return bool(self.key) and hmac.compare_digest(token.encode(), self.key.encode())

    @asynccontextmanager
    async def send(
        self,
        url: str,
        token: str,
        method: str,
        path: str,
        query: str,
        headers: Sequence[tuple[str, str]],
        body: bytes,
    ) -> AsyncGenerator[httpx.Response, None]:
        """One request as it is. Raises httpx.TransportError."""
        import httpx

        if url not in self._clients:
            from zoe_hub.client.transport import make_http

            self._clients = {url: make_http(url, timeout=30)}
        target = f"{path}?{query}" if query else path
        timeout = httpx.Timeout(30, read=None)  # event streams are silent as long as nothing happens
        credentials = [*headers, ("Authorization", f"Bearer {token}")]
        http = self._clients[url]
        given = {"headers": credentials, "content": body or None, "timeout": timeout}
        async with streamed(http, method, target, **given) as answer:
            yield answer

    def fill_in(self, method: str, path: str, body: bytes) -> bytes:
        """The body, with this server named in an attachment that names none."""
        submits = method == "POST" and path.strip("/") == "executions"
        attaches = method == "PUT" and path.rstrip("/").endswith("/attachment")
        if not body or not (submits or attaches):
            return body
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
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
        if API in place:
            found["Location"] = prefix + place.split(API, 1)[1]
        return found


def without_token(query: str) -> str:
    """A query without the token that opens the Jupyter server, however its name is written."""
    return "&".join(part for part in query.split("&") if unquote_plus(part.partition("=")[0]) != "token")


def problem(status: int, title: str, detail: str, kind: str = "about:blank") -> dict[str, Any]:
    """A problem details document."""
    return {"type": kind, "title": title, "status": status, "detail": detail}
