"""Callers according to JupyterHub, against a small Hub that knows tokens and logins."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from zoe_hub.model.errors import ServiceUnavailable
from zoe_hub.web.identity import HubIdentities
from zoe_hub.web.limits import Limits
from zoe_hub.web.logins import Logins
from zoe_hub.web.scopes import ADMIN_EXECUTIONS, USER_SCOPES

from .conftest import PREFIX, Site, Starter, client_of, serve

KEY = base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")
ACCESS = "access:services!service=zoe"
USERS = {
    "alice-token": {
        "name": "alice",
        "kind": "user",
        "scopes": [ACCESS, *(f"{s}!user=alice" for s in USER_SCOPES)],
        "groups": ["staff", "guests"],
    },
    "outsider-token": {"name": "bob", "kind": "user", "scopes": list(USER_SCOPES)},
    "zoe-token": {"name": "zoe", "kind": "service", "scopes": [ADMIN_EXECUTIONS, "read:users:groups"]},
    "leader-token": {
        "name": "carol",
        "kind": "user",
        "scopes": [ACCESS, *USER_SCOPES, f"{ADMIN_EXECUTIONS}!group=staff & co"],
    },
    "other-token": {"name": "other", "kind": "service", "scopes": [ADMIN_EXECUTIONS]},
}


@dataclass
class SmallHub:
    """Tokens and logins; `down` makes it fail."""

    port: int = 0
    down: bool = False
    challenges: dict[str, str] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    members: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    asked_for: list[str] = field(default_factory=list)
    users_asked_for: list[str] = field(default_factory=list)
    down_groups: bool = False


class Who(RequestHandler):
    def initialize(self, hub: SmallHub) -> None:
        self.hub = hub

    def get(self) -> None:
        token = self.request.headers.get("Authorization", "").removeprefix("token ")
        self.set_status(500 if self.hub.down else 200 if token in USERS else 403)
        self.finish(json.dumps(USERS.get(token, {})))


class Group(RequestHandler):
    """Members, for the service itself only."""

    def initialize(self, hub: SmallHub) -> None:
        self.hub = hub

    def get(self, name: str) -> None:
        self.hub.asked_for.append(name)
        allowed = self.request.headers.get("Authorization") == "token zoe-token"
        known = name in self.hub.groups
        self.set_status(500 if self.hub.down_groups else 403 if not allowed else 200 if known else 404)
        self.finish(json.dumps({"name": name, "users": self.hub.groups.get(name, [])}))


class User(RequestHandler):
    """Users with their groups, for the service itself only."""

    def initialize(self, hub: SmallHub) -> None:
        self.hub = hub

    def get(self, name: str) -> None:
        self.hub.users_asked_for.append(name)
        self.set_status(200 if name in self.hub.members else 404)
        self.finish(json.dumps({"name": name, **self.hub.members.get(name, {})}))


class Exchange(RequestHandler):
    """Gives alice's token for a code, if whoever asks knows what the code was asked with."""

    def initialize(self, hub: SmallHub) -> None:
        self.hub = hub

    def post(self) -> None:
        digest = hashlib.sha256(self.get_body_argument("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if self.hub.challenges.get(self.get_body_argument("code")) != challenge:
            self.set_status(400)
        self.finish(json.dumps({"access_token": "alice-token"}))


@pytest_asyncio.fixture
async def hub(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SmallHub]:
    small = SmallHub()
    rules = [
        ("/hub/api/groups/(.*)", Group, {"hub": small}),
        ("/hub/api/user", Who, {"hub": small}),
        ("/hub/api/users/(.*)", User, {"hub": small}),
        ("/hub/api/oauth2/token", Exchange, {"hub": small}),
    ]
    server = HTTPServer(Application(rules))  # type: ignore[arg-type]
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    small.port = sockets[0].getsockname()[1]
    for name, value in {
        "API_URL": f"http://127.0.0.1:{small.port}/hub/api",
        "API_TOKEN": "zoe-token",
        "BASE_URL": "/hubpath/",
        "SERVICE_NAME": "zoe",
        "SERVICE_PREFIX": PREFIX,
        "CLIENT_ID": "service-zoe",
        "OAUTH_CALLBACK_URL": f"{PREFIX}oauth_callback",
        "OAUTH_ACCESS_SCOPES": json.dumps(["access:services", ACCESS]),
    }.items():
        monkeypatch.setenv(f"JUPYTERHUB_{name}", value)
    yield small
    server.stop()
    await server.close_all_connections()


@pytest_asyncio.fixture
async def hub_site(site: Site, hub: SmallHub) -> AsyncIterator[Site]:
    context = dataclasses.replace(site.context, identities=HubIdentities(Logins(KEY)))
    async with serve(context) as (url, feed):
        yield dataclasses.replace(site, url=url, context=context, feed=feed)


async def test_tokens_are_asked_of_the_hub(hub_site: Site) -> None:
    async with client_of(hub_site, "alice-token") as client:
        me = (await client.get("/me")).json()
        assert (me["name"], me["kind"], me["admin"]) == ("alice", "user", False)
        assert ACCESS not in me["scopes"]
        assert (await client.post("/executions", json={"zapp": "toys"})).status_code == 202
        bearer = {"Authorization": "Bearer alice-token"}
        assert (await client.get("/me", headers=bearer)).status_code == 200
    async with client_of(hub_site, "unknown-token") as client:
        assert (await client.get("/me")).status_code == 401


async def test_who_may_not_use_the_service_is_told_the_scope(hub_site: Site) -> None:
    for token in ("outsider-token", "other-token"):
        async with client_of(hub_site, token) as client:
            answer = await client.get("/me")
            assert answer.status_code == 403
            assert ACCESS in answer.json()["detail"]


async def test_the_services_own_token_acts_for_users(hub_site: Site) -> None:
    async with client_of(hub_site, "zoe-token") as client:
        answer = await client.post("/executions", json={"zapp": "toys", "owner": "alice"})
    assert answer.status_code == 202
    assert answer.json()["owner"] == "alice"


async def test_the_services_own_token_is_taken_whoever_guesses_beside_it(hub_site: Site) -> None:
    context = dataclasses.replace(hub_site.context, limits=Limits(rate=0.01, burst=10))
    async with serve(context) as (url, feed):
        site = dataclasses.replace(hub_site, url=url, context=context, feed=feed)
        async with client_of(site, "unknown-token") as client:
            assert [(await client.get("/me")).status_code for _ in range(2)] == [401, 429]
        async with client_of(site, "zoe-token") as client:
            assert (await client.get("/me")).status_code == 200


async def test_a_hub_that_fails_is_said_to(hub_site: Site, hub: SmallHub) -> None:
    hub.down = True
    async with client_of(hub_site, "alice-token") as client:
        answer = await client.get("/me")
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:zoe:problem:ServiceUnavailable"


async def test_a_token_in_an_address_counts_for_nothing(hub_site: Site, start: Starter) -> None:
    execution = await start()
    async with client_of(hub_site, None) as client:
        assert (await client.get("/me?token=alice-token")).status_code == 400
        place = f"{hub_site.url}executions/{execution}/ui/toy.head/web/?token=alice-token"
        for mode in ("navigate", "websocket", "cors"):
            assert (await client.get(place, headers={"Sec-Fetch-Mode": mode})).status_code == 401


async def _log_in(site: Site, hub: SmallHub, browser: httpx.AsyncClient, back_at: str = "") -> httpx.Response:
    page = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}
    to_hub = await browser.get(site.url, headers=page)
    assert to_hub.status_code == 302
    address = urlsplit(to_hub.headers["Location"])
    assert address.path == "/hubpath/hub/api/oauth2/authorize"
    asked = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert asked["code_challenge_method"] == "S256"
    hub.challenges["the-code"] = asked["code_challenge"]
    callback = {"code": "the-code", "state": asked["state"]}
    return await browser.get(f"{back_at or site.url}oauth_callback", params=callback, headers=page)


async def test_a_browser_logs_in_and_needs_the_xsrf_token_but_for_page_loads(
    hub_site: Site, hub: SmallHub, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("jupyterhub", minversion="6")
    caplog.set_level("INFO")
    page = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}
    script = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
    async with client_of(hub_site, None) as browser:
        back = await _log_in(hub_site, hub, browser)
        assert (back.status_code, back.headers["Location"]) == (302, PREFIX)
        home = await browser.get(hub_site.url, headers=page)
        assert ">alice</span>" in home.text
        assert (await browser.get("/me", headers=script)).status_code == 401
        assert (await browser.post("/executions", json={"zapp": "toys"}, headers=script)).status_code == 401
        token = {**script, "X-XSRFToken": browser.cookies["_xsrf"]}
        assert (await browser.get("/me", headers=token)).json()["name"] == "alice"
        submitted = await browser.post("/executions", json={"zapp": "toys"}, headers=token)
        assert submitted.status_code == 202
        place = f"{hub_site.url}executions/{submitted.json()['id']}/terminate"
        own = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin"}
        assert (await browser.post(place, headers=own)).status_code == 401
        form = {"_xsrf": browser.cookies["_xsrf"]}
        assert (await browser.post(place, headers=own, data=form)).status_code == 303
    assert "the-code" not in "".join(r.getMessage() for r in caplog.records if r.name.startswith("tornado"))


async def test_a_login_that_began_at_one_service_ends_at_another(hub_site: Site, hub: SmallHub) -> None:
    pytest.importorskip("jupyterhub", minversion="6")
    other = dataclasses.replace(hub_site.context, identities=HubIdentities(Logins(KEY)))
    async with serve(other) as (url, _), client_of(hub_site, None) as browser:
        back = await _log_in(hub_site, hub, browser, back_at=url)
        assert (back.status_code, back.headers["Location"]) == (302, PREFIX)


@pytest.mark.parametrize("state", ["", "none", "é", "gAAAAA"])
async def test_a_state_that_nobody_gave_is_refused(hub_site: Site, state: str) -> None:
    async with client_of(hub_site, None) as browser:
        answer = await browser.get(f"{hub_site.url}oauth_callback", params={"code": "the-code", "state": state})
        assert answer.status_code == 403


async def test_pages_of_clusters_open_with_the_login_and_without_our_token(
    hub_site: Site, hub: SmallHub, start: Starter
) -> None:
    pytest.importorskip("jupyterhub", minversion="6")
    place = f"{hub_site.url}executions/{await start()}/ui/toy.head/web/"
    async with client_of(hub_site, None) as browser:
        await _log_in(hub_site, hub, browser)
        script = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
        # Nothing listens behind the page: 502 says that the request went through to it.
        assert (await browser.get(place, headers=script)).status_code == 502
        assert (await browser.post(place, headers=script)).status_code == 502
        foreign = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-site"}
        assert (await browser.get(place, headers=foreign)).status_code == 401
        assert (await browser.post(place, headers=foreign)).status_code == 401


async def test_who_administers_a_group_reaches_its_members(hub_site: Site, hub: SmallHub, start: Starter) -> None:
    del start
    hub.groups["staff & co"] = ["alice"]
    async with client_of(hub_site, "alice-token") as client:
        execution = (await client.post("/executions", json={"zapp": "toys"})).json()["id"]
    async with client_of(hub_site, "leader-token") as client:
        assert (await client.get(f"/executions/{execution}")).status_code == 200
        assert (await client.get("/executions", params={"owner": "alice"})).json()["executions"][0]["id"] == execution
        assert (await client.get("/executions", params={"owner": "bob"})).status_code == 403
        assert (await client.get("/executions", params={"owner": "*"})).status_code == 403
        assert (await client.get(f"/executions/{execution}/connection")).status_code == 403
        assert (await client.get("/me")).json()["admin"] is False
        submitted = await client.post("/executions", json={"zapp": "toys", "owner": "alice"})
        assert submitted.status_code == 202
        assert (await client.delete(f"/executions/{execution}")).status_code == 202
    assert hub.asked_for == ["staff & co"], "asked once, and remembered"


@pytest.mark.parametrize("groups", [{}, {"staff & co": ["bob"]}])
async def test_who_administers_a_group_reaches_nobody_else(
    hub_site: Site, hub: SmallHub, groups: dict[str, list[str]]
) -> None:
    hub.groups.update(groups)
    async with client_of(hub_site, "alice-token") as client:
        execution = (await client.post("/executions", json={"zapp": "toys"})).json()["id"]
    async with client_of(hub_site, "leader-token") as client:
        assert (await client.get(f"/executions/{execution}")).status_code == 404
        assert (await client.get("/executions")).json()["executions"] == []


async def test_groups_that_cannot_be_asked_for_are_said_to(hub_site: Site, hub: SmallHub) -> None:
    hub.down_groups = True
    async with client_of(hub_site, "leader-token") as client:
        answer = await client.get("/me")
    assert answer.status_code == 503
    assert "group" in answer.json()["detail"]


async def test_the_groups_of_a_caller_come_with_the_token(hub_site: Site) -> None:
    async with client_of(hub_site, "alice-token") as alice:
        answer = await alice.post("/executions", json={"zapp": "toys"})
    assert (await hub_site.context.store.get(answer.json()["id"])).groups == ("guests", "staff")


async def test_the_hub_is_asked_for_the_groups_of_others_once_a_minute(hub_site: Site, hub: SmallHub) -> None:
    hub.members["bob & co"] = {"groups": ["b", "a"]}
    groups_of = hub_site.context.identities.groups_of
    assert [await groups_of("bob & co") for _ in range(2)] == [("a", "b")] * 2
    assert hub.users_asked_for == ["bob & co"]
    assert await groups_of("nobody") == ()


async def test_a_service_that_may_not_see_groups_says_which_scope_it_lacks(
    hub_site: Site, hub: SmallHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.members["bob"] = {}
    with pytest.raises(ServiceUnavailable, match="Give it the scope read:users:groups"):
        await hub_site.context.identities.groups_of("bob")
    monkeypatch.setitem(USERS["zoe-token"], "scopes", [ADMIN_EXECUTIONS])
    with pytest.raises(ServiceUnavailable, match="read:users:groups"):
        await hub_site.context.identities.groups_of("carol")
