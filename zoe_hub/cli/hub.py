"""Starting a user's server through JupyterHub's own REST interface."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

import httpx

from ..client import sse
from ..client.transport import make_http
from ..model.errors import Conflict, ExecutionEnded, InvalidRequest, NotPermitted, ServiceUnavailable
from .place import Place


async def start_server(
    place: Place,
    user: str,
    name: str,
    options: Mapping[str, Any],
    *,
    wait: bool,
    say: Callable[[str], None] | None,
) -> dict[str, Any]:
    """Start a server; `{name, url, ready}`. Without a `name` the default one, or, where that runs, one called like
    the ZApp.

    Raises NotPermitted when the token has no scope `servers`, Conflict when it runs already, and
    ExecutionEnded when the start fails.
    """
    if not place.hub_url:
        raise InvalidRequest(
            f"{options['zapp']} has a notebook of its own, so JupyterHub starts it; say where that is: "
            "--hub-url https://…/hub/api, or JUPYTERHUB_API_URL."
        )
    user_path = f"/users/{quote(user, safe='')}"
    async with make_http(place.hub_url, timeout=60) as http:
        http.headers["Authorization"] = f"token {place.hub_token}"
        try:
            for candidate in [name] if name else ["", _server_name(options["zapp"])]:
                name = candidate
                server = f"{user}/{name}"
                path = f"{user_path}/servers/{quote(name, safe='')}" if name else f"{user_path}/server"
                # All of the body is the options: what JupyterHub 5 takes, and 6 still does.
                answer = await http.post(path, json=dict(options))
                if not _runs_already(answer):
                    break
            _check(answer, server, place)
            ready = answer.status_code == 201
            if wait and not ready:
                await _follow(http, path, server, say)
                ready = True
            url = await _url(http, user_path, name)
        except httpx.TransportError as error:
            raise ServiceUnavailable(f"JupyterHub at {place.hub_url} could not be reached.") from error
    return {"name": server, "url": url, "ready": ready}


def _check(answer: httpx.Response, server: str, place: Place) -> None:
    if answer.is_success:
        return
    said = _message(answer)
    if answer.status_code in (401, 403, 404):
        raise NotPermitted(
            f"JupyterHub does not let this token start {server}: it needs the scope servers (or servers!user). Request "
            "one on the Hub's token page, and give it with --token-file."
        )
    if _runs_already(answer):
        raise Conflict(f"{server} is running or on its way; stop it on the Hub's home page first, or give --name.")
    raise InvalidRequest(f"JupyterHub refused to start {server}: {said}")


def _runs_already(answer: httpx.Response) -> bool:
    said = _message(answer)
    return answer.status_code == 400 and ("running" in said or "pending" in said)


def _server_name(zapp: str) -> str:
    """JupyterHub 6 takes 30 characters at most."""
    return zapp[:30].strip("-")


async def _follow(http: httpx.AsyncClient, path: str, server: str, say: Callable[[str], None] | None) -> None:
    timeout = httpx.Timeout(60, read=120)
    async with http.stream(
        "GET", f"{path}/progress", headers={"Accept": "text/event-stream"}, timeout=timeout
    ) as answer:
        if answer.status_code != 200:
            await answer.aread()
            raise NotPermitted(f"{server} is being started, but its progress may not be seen: {_message(answer)}")
        async with aclosing(sse.messages(answer.aiter_lines())) as messages:
            async for message in messages:
                event = json.loads(message.data)
                if event.get("failed"):
                    raise ExecutionEnded(f"{server} did not start: {event.get('message', 'no reason was given')}")
                if say is not None and event.get("message"):
                    say(f"{server}: {event['message']}")
                if event.get("ready"):
                    return
    raise ServiceUnavailable(f"JupyterHub stopped telling of {server} before it was ready.")


async def _url(http: httpx.AsyncClient, user_path: str, name: str) -> str:
    answer = await http.get(user_path)
    if not answer.is_success:
        return ""
    known = answer.json().get("servers", {}).get(name, {})
    return str(known.get("full_url") or known.get("url") or "")


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("message") or answer.reason_phrase)
    except ValueError:
        return answer.reason_phrase
