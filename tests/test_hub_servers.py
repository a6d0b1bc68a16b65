"""What the Hub is asked, and how its answers are read: against a small stand-in for it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from zoe_hub.hub_servers import HubServers
from zoe_hub.model.errors import ServiceUnavailable, UnknownName


class StandIn:
    """Answers by path; anything else is 404, as the Hub says it."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {"/user": (200, {"name": "zoe", "scopes": ["read:servers"]})}
        self.tokens: list[str] = []


@pytest.fixture
def hub() -> StandIn:
    return StandIn()


@pytest_asyncio.fixture
async def servers(hub: StandIn) -> AsyncIterator[HubServers]:
    class Answer(RequestHandler):
        def get(self) -> None:
            hub.tokens.append(self.request.headers["Authorization"])
            status, document = hub.answers.get(self.request.uri.removeprefix("/hub/api"), (404, {}))
            self.set_status(status)
            self.write(json.dumps(document))

    server = HTTPServer(Application([(r".*", Answer)]))
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}/hub/api"
    yield HubServers({"JUPYTERHUB_API_URL": url, "JUPYTERHUB_API_TOKEN": "of-the-service"})
    server.stop()
    await server.close_all_connections()


async def test_servers_by_name(hub: StandIn, servers: HubServers) -> None:
    hub.answers["/users/al%20ice%2F"] = (200, {"name": "al ice/", "servers": {"": {"ready": True}, "big": {}}})
    assert set(await servers.of("al ice/")) == {"al ice//", "al ice//big"}
    assert hub.tokens == ["token of-the-service"]


async def test_a_user_who_is_not_there(servers: HubServers) -> None:
    with pytest.raises(UnknownName, match="alice"):
        await servers.of("alice")


async def test_who_may_not_see_servers_takes_no_user_for_gone(hub: StandIn, servers: HubServers) -> None:
    hub.answers["/user"] = (200, {"name": "zoe", "scopes": ["read:servers!user=bob"]})
    with pytest.raises(ServiceUnavailable, match="give it the scope read:servers"):
        await servers.of("alice")
    hub.answers["/users/alice"] = (200, {"name": "alice"})
    with pytest.raises(ServiceUnavailable, match="give it the scope read:servers"):
        await servers.of("alice")


@pytest.mark.parametrize("answer", [(500, {}), (403, {}), (200, [])])
async def test_answers_that_say_nothing(hub: StandIn, servers: HubServers, answer: tuple[int, Any]) -> None:
    hub.answers["/users/alice"] = answer
    with pytest.raises(ServiceUnavailable):
        await servers.of("alice")


async def test_a_hub_that_is_away() -> None:
    with pytest.raises(ServiceUnavailable, match="does not say which servers alice has"):
        await HubServers({"JUPYTERHUB_API_URL": "http://127.0.0.1:9/hub/api"}).of("alice")
    assert not HubServers({}).known
