"""One request to the service, sent again where that may help, and what its answer means."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError
from typing_extensions import Self

from ..model.base import Document
from ..model.commands import Modify, Submit
from ..model.errors import InvalidRequest, NotPermitted, ServiceUnavailable, TooManyRequests, ZoeError
from . import problems
from .transport import make_http
from .views import View

V = TypeVar("V", bound=View)

RETRY_DELAYS = (0.2, 0.5, 1.0, 2.0, 4.0)
WISH_DELAYS = (*RETRY_DELAYS, 4.0, 4.0)
"""For what is not only looked at: as long as the Hub usually needs to bring back a service that was killed."""
_TRY_AGAIN = frozenset({429, 502, 503, 504})
_LONGEST_WAIT = 30.0
"""Seconds that a `Retry-After` is obeyed for."""


class Requests:
    """Sends requests to one service. Bound to one event loop. Use it as an async context manager, or call `close`."""

    def __init__(
        self, url: str, token: str, *, timeout: float = 30, retry_delays: Sequence[float] | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self._delays = retry_delays
        self._timeout = timeout
        self._http = make_http(f"{self.url}/api/v1", timeout=timeout)
        if token:
            self._http.headers["Authorization"] = f"Bearer {token}"
        self._http.headers["Accept"] = "application/json"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. A second call does nothing."""
        await self._http.aclose()

    async def _view(self, kind: type[V], method: str, path: str, **kwargs: Any) -> V:
        return self._parse(kind, self._json(await self._request(method, path, **kwargs)))

    async def _request(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """The answer, when it is one of success. All our requests may be sent twice: see `Idempotency-Key`."""
        delays = self._delays
        if delays is None:
            delays = RETRY_DELAYS if method == "GET" else WISH_DELAYS
        for delay in (*delays, None):
            try:
                response = await self._http.request(method, path, **kwargs)
            except httpx.TransportError as error:
                if delay is None:
                    raise self._away(error) from error
            else:
                if response.is_success:
                    return response
                if delay is None or response.status_code not in _TRY_AGAIN or self._not_set_up(response):
                    raise self._refusal(response)
                delay = max(delay, _asked_to_wait(response))
            await asyncio.sleep(delay)
        raise AssertionError("unreachable")

    def _json(self, response: httpx.Response) -> dict[str, Any]:
        try:
            document = response.json()
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise ServiceUnavailable(f"What answers at {self.url} is not Zoe's service; check the address.")
        return document

    def _parse(self, kind: type[V], document: Any) -> V:
        try:
            return kind.model_validate(document)
        except ValidationError as error:
            where = ".".join(map(str, error.errors()[0]["loc"]))
            raise ServiceUnavailable(
                f"The answer of {self.url} cannot be read (at {where!r}): "
                "client and service may be of different versions."
            ) from error

    @staticmethod
    def _not_set_up(response: httpx.Response) -> bool:
        problem = problems.parse(response.headers.get("content-type", ""), response.content)
        return problem is not None and problem.get("type") == problems.NOT_SET_UP

    def _refusal(self, response: httpx.Response) -> ZoeError:
        problem = problems.parse(response.headers.get("content-type", ""), response.content)
        if problem is not None:
            error = problems.to_error(response.status_code, problem)
            if isinstance(error, TooManyRequests):
                error.retry_after = _asked_to_wait(response)
            return error
        if response.is_redirect or response.status_code in (401, 403):
            return NotPermitted(f"{self.url} does not accept this token; log in again or request a new one.")
        if response.status_code == 404:
            return ServiceUnavailable(
                f"There is no Zoe service at {self.url}; check the address with your administrator."
            )
        return ServiceUnavailable(
            f"Zoe's service at {self.url} answered {response.status_code} {response.reason_phrase}; "
            "try again in a minute."
        )

    def _away(self, error: httpx.TransportError) -> ServiceUnavailable:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, socket.gaierror):
            cause = cause.__cause__ or cause.__context__
        if cause is not None:
            return ServiceUnavailable(
                f"No machine called {urlsplit(self.url).hostname} is known here: check the address {self.url}, and "
                "whether this machine is on the network."
            )
        slow = isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout)
        what = "did not answer in time" if slow else "could not be reached"
        return ServiceUnavailable(
            f"Zoe's service at {self.url} {what}. What runs keeps running: "
            "try again, and tell your administrator if it lasts."
        )


def _asked_to_wait(response: httpx.Response) -> float:
    """Seconds that the answer asks to wait before the next attempt, of which some are borne."""
    said = response.headers.get("Retry-After", "")
    return min(float(said), _LONGEST_WAIT) if said.isdecimal() and said.isascii() else 0.0


def path_of(execution: str, rest: str = "") -> str:
    """Below the interface's address."""
    path = f"/executions/{quote(execution, safe='')}"
    return f"{path}/{rest}" if rest else path


def body_of(document: Document) -> Any:
    """As JSON. Raises InvalidRequest for a parameter's value that is of no type that JSON has."""
    if isinstance(document, (Submit, Modify)):
        plain = {name: _plain(value) for name, value in document.parameters.items()}
        document = document.model_copy(update={"parameters": plain})
    try:
        return document.model_dump(mode="json", exclude_none=True)
    except PydanticSerializationError as error:
        raise InvalidRequest(f"A parameter is a number, a text, true or false: {error}.") from error


def _plain(value: Any) -> Any:
    """The number that numpy or pandas wrapped; anything else as it is."""
    item = getattr(value, "item", None)
    return item() if callable(item) and getattr(value, "ndim", None) == 0 else value
