"""Who may what: every operation against every kind of caller."""

from __future__ import annotations

# ruff: noqa: E501
import json
from urllib.parse import urlsplit

import httpx
import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.routing import PathMatches
from tornado.websocket import websocket_connect

from zoe_hub.model.quotas import GroupLimits, Limits
from zoe_hub.scheduler.allowances import Subject
from zoe_hub.web import make_app
from zoe_hub.web.api import OPERATIONS
from zoe_hub.web.scopes import (
    ADMIN_AUDIT,
    ADMIN_EXECUTIONS,
    ADMIN_QUOTAS,
    EXECUTIONS,
    READ_EXECUTIONS,
    READ_METRICS,
    SCOPES,
    USER_SCOPES,
    allows,
    holds,
)

from .conftest import OWN, Site, Starter, client_of

SUBMIT = {"zapp": "toys"}
REPORT = {"state": "ready"}
ATTACH = {"server": "alice/"}

TABLE = """
                                                       nobody expired unscoped owner other filtered leader elsewhere admin foreign impostor zoe
GET    /                                               200    200     200      200   200   200      200    200       200   200     200      200
GET    /openapi.json                                   200    200     200      200   200   200      200    200       200   200     200      200
GET    /schemas/framework.json                         200    200     200      200   200   200      200    200       200   200     200      200
GET    /schemas/zapp.json                              200    200     200      200   200   200      200    200       200   200     200      200
GET    /schemas/quotas.json                            200    200     200      200   200   200      200    200       200   200     200      200
GET    /me                                             401    401     200      200   200   200      200    200       200   200     200      200
GET    /shop                                           401    401     403      200   200   403      200    200       200   403     200      200
GET    /zapps/{name}                                   401    401     403      200   404   403      404    404       404   403     404      404
PUT    /zapps/{name}                                   401    401     403      200   200   403      200    200       200   403     422      403
DELETE /zapps/{name}                                   401    401     403      204   404   403      404    404       404   403     422      403
GET    /nodes                                          401    401     403      200   200   403      200    200       200   403     200      200
POST   /plans                                          401    401     403      200   200   403      200    200       200   403     200      200
POST   /executions                                     401    401     403      202   403   403      202    403       202   403     403      202
GET    /executions                                     401    401     403      200   403   403      200    403       200   403     403      200
GET    /executions/{id}                                401    401     403      200   404   404      200    404       200   403     404      200
PATCH  /executions/{id}                                401    401     403      202   404   404      202    404       202   403     404      202
DELETE /executions/{id}                                401    401     403      202   404   404      202    404       202   403     404      202
PUT    /executions/{id}/attachment                     401    401     403      200   404   404      200    404       200   403     404      200
DELETE /executions/{id}/attachment                     401    401     403      200   404   404      200    404       200   403     404      200
PUT    /executions/{id}/adaptation                     401    401     403      200   404   404      200    404       200   403     404      200
DELETE /executions/{id}/adaptation                     401    401     403      200   404   404      200    404       200   403     404      200
PUT    /executions/{id}/keep-alive                     401    401     403      200   404   404      200    404       200   403     404      200
DELETE /executions/{id}/kernels/{kernel}               401    401     403      202   404   404      202    404       202   403     404      202
PUT    /executions/{id}/instances/{process}/{ordinal}  401    401     403      403   403   403      403    403       204   403     403      204
GET    /executions/{id}/connection                     401    401     403      200   404   404      403    404       403   403     404      403
GET    /executions/{id}/logs                           401    401     403      200   404   404      200    404       200   403     404      200
GET    /executions/{id}/events                         401    401     403      200   404   404      200    404       200   403     404      200
GET    /quota                                          401    401     403      200   403   403      200    403       200   403     403      200
GET    /quotas                                         401    401     403      403   403   403      403    403       200   403     403      403
PUT    /quotas/everybody                               401    401     403      403   403   403      403    403       200   403     403      403
DELETE /quotas/everybody                               401    401     403      403   403   403      403    403       204   403     403      403
GET    /quotas/users/{name}                            401    401     403      403   403   403      403    403       200   403     403      403
PUT    /quotas/users/{name}                            401    401     403      403   403   403      403    403       200   403     403      403
DELETE /quotas/users/{name}                            401    401     403      403   403   403      403    403       204   403     403      403
GET    /quotas/groups/{name}                           401    401     403      403   403   403      403    403       200   403     403      403
PUT    /quotas/groups/{name}                           401    401     403      403   403   403      403    403       200   403     403      403
DELETE /quotas/groups/{name}                           401    401     403      403   403   403      403    403       204   403     403      403
GET    /audit                                          401    401     403      403   403   403      403    403       200   403     403      403
GET    /usage                                          401    401     403      403   403   403      403    403       200   403     403      200
DELETE /users/{name}                                   401    401     403      403   403   403      403    403       202   403     403      202
GET    /events                                         401    401     403      200   404   404      200    404       200   403     404      200
"""
"""What each caller is answered, asking for what is alice's.

`nobody` sends no token, `expired` one that the Hub knows no more, `unscoped` is alice with a token without
scopes, `other` is bob, `filtered` bob with alice's filter in each scope, `leader` administers a group that alice is
in, `elsewhere` another group, `foreign` is a service that may visit Zoe and no more, `impostor` a service called alice
with a user's scopes, `zoe` the service itself, as which the spawner calls. A new operation needs a row here.
"""

PAGES = """
                                          nobody expired unscoped owner other filtered leader elsewhere admin foreign impostor zoe
GET    /                                  302    302     403      200   200   403      200    200       200   403     200      200
GET    /health                            200    200     200      200   200   200      200    200       200   200     200      200
GET    /ready                             200    200     200      200   200   200      200    200       200   200     200      200
GET    /metrics                           401    401     403      403   403   403      403    403       200   403     403      403
GET    /session                                   302    302     403      200   200   403      200    200       200   403     200      200
GET    /static/live.js                    200    200     200      200   200   200      200    200       200   200     200      200
GET    /executions/{id}                   302    302     403      200   404   404      200    404       200   403     404      200
GET    /executions/{id}/logs              302    302     403      200   404   404      200    404       200   403     404      200
POST   /executions/{id}/terminate         401    401     403      303   404   404      303    404       303   403     404      303
POST   /executions/{id}/detach            401    401     403      303   404   404      303    404       303   403     404      303
POST   /executions/{id}/scale             401    401     403      303   404   404      303    404       303   403     404      303
POST   /executions/{id}/keep              401    401     403      303   404   404      303    404       303   403     404      303
GET    /admin/executions                  302    302     403      403   403   403      200    200       200   403     403      200
GET    /admin/queue                       302    302     403      403   403   403      200    200       200   403     403      200
GET    /admin/groups                      302    302     403      403   403   403      200    200       403   403     403      403
GET    /admin/capacity                    302    302     403      403   403   403      403    403       200   403     403      200
GET    /admin/quotas                      302    302     403      403   403   403      403    403       200   403     403      403
GET    /admin/quotas/edit                 302    302     403      403   403   403      403    403       200   403     403      403
POST   /admin/quotas/edit                 401    401     403      403   403   403      403    403       303   403     403      403
GET    /admin/shop                        302    302     403      403   403   403      403    403       200   403     403      200
GET    /admin/audit                       302    302     403      403   403   403      403    403       200   403     403      403
GET    /admin/health                      302    302     403      403   403   403      403    403       200   403     403      200
POST   /admin/terminate                   401    401     403      403   403   403      200    404       200   403     403      200
GET    /executions/{id}/ui/toy.head/web/  302    302     403      502   404   404      403    404       403   404     404      403
POST   /executions/{id}/ui/toy.head/web/  401    401     403      502   404   404      403    404       403   404     404      403
SOCKET /executions/{id}/ui/toy.head/web/  401    401     403      502   404   404      403    404       403   404     404      403
GET    /executions/{id}/ui/toy.head/rpc/  302    302     403      404   404   404      403    404       403   404     404      403
GET    /nothing                           404    404     404      404   404   404      404    404       404   404     404      404
"""
"""The same for what is no part of the interface, as a browser asks for it: 302 leads to the log-in, and 502 says that the
request got through to the cluster, where nothing listens in these tests."""

FORMS = {
    "/executions/{id}/scale": {"parameter": "workers", "value": "2"},
    "/executions/{id}/keep": {"seconds": "60"},
    "/admin/terminate": {"id": "{id}"},
    "/admin/quotas/edit": {"kind": "user", "name": "erin", "cpu": "4"},
}
"""What the pages' forms send."""

TOKENS = {
    "nobody": None,
    "expired": "expired-token",
    "unscoped": "nothing-token",
    "owner": "alice-token",
    "other": "bob-token",
    "filtered": "filtered-token",
    "leader": "leader-token",
    "elsewhere": "elsewhere-token",
    "admin": "admin-token",
    "foreign": "foreign-token",
    "impostor": "impostor-token",
    "zoe": "service-token",
}


def rows(table: str) -> dict[tuple[str, str], dict[str, int]]:
    """By method and path: what each caller is answered."""
    head, *lines = table.strip().splitlines()
    found = {}
    for method, path, *statuses in map(str.split, lines):
        found[method, path] = dict(zip(head.split(), map(int, statuses), strict=True))
    return found


ROWS, PAGE_ROWS = rows(TABLE), rows(PAGES)
BODIES = {
    ("PUT", "/zapps/{name}"): OWN,
    ("POST", "/plans"): SUBMIT,
    ("POST", "/executions"): {**SUBMIT, "owner": "alice"},
    ("PATCH", "/executions/{id}"): {"parameters": {"workers": 2}},
    ("PUT", "/executions/{id}/attachment"): ATTACH,
    ("PUT", "/executions/{id}/adaptation"): {"minimum": 1, "maximum": 3},
    ("PUT", "/quotas/everybody"): {"cpu": 100},
    ("PUT", "/quotas/users/{name}"): {"cpu": 100},
    ("PUT", "/quotas/groups/{name}"): {"together": {"cpu": 100}},
    ("PUT", "/executions/{id}/keep-alive"): {"seconds": 60},
    ("PUT", "/executions/{id}/instances/{process}/{ordinal}"): REPORT,
}


def test_every_operation_has_a_row() -> None:
    assert {(operation.method, operation.path) for operation in OPERATIONS} == ROWS.keys()
    assert all(row.keys() == TOKENS.keys() for row in (*ROWS.values(), *PAGE_ROWS.values()))


async def test_every_other_route_has_a_row(site: Site) -> None:
    """Whatever the application routes is either the interface's or in the table of pages."""
    base = urlsplit(site.url).path
    asked = [f"{base}{path.lstrip('/').format(id='x1')}" for _, path in PAGE_ROWS]
    for rule in make_app(site.context).wildcard_router.rules:
        assert isinstance(rule.matcher, PathMatches)
        if rule.target.__name__ != "RestHandler":
            pattern = rule.matcher.regex
            assert any(pattern.match(path) for path in asked), f"{pattern.pattern} needs a row in PAGES"


@pytest.mark.parametrize(("method", "path"), ROWS)
async def test_who_may(method: str, path: str, site: Site, start: Starter, service: httpx.AsyncClient) -> None:
    if "instances" in path:
        body = {"zapp": "desk-app", "owner": "alice", "attachment": {"server": "alice/"}}
        execution = (await service.post("/executions", json=body)).json()["id"]
    else:
        execution = await start()
    for caller, expected in ROWS[method, path].items():
        if "zapps" in path:
            await site.context.store.put_zapp("alice", _own())
        place = path.format(id=execution, name="mine", process="desk.server", ordinal=0, kernel="k1")
        if "quotas" in path:
            for kind, limits in (("everybody", Limits(cpu=90)), ("user", Limits(cpu=90)), ("group", GroupLimits())):
                await site.context.store.put_quota(Subject(kind, "" if kind == "everybody" else "mine"), limits)
        of_alice = place in ("/executions", "/quota")
        query = {"execution": execution} if path == "/events" else {"owner": "alice"} if of_alice else {}
        async with (
            client_of(site, TOKENS[caller]) as client,
            client.stream(
                method, place, params=query if method == "GET" else None, json=BODIES.get((method, path))
            ) as answer,
        ):
            assert answer.status_code == expected, (caller, answer.status_code)
            if expected >= 400:
                assert answer.headers["Content-Type"] == "application/problem+json"
                assert (await answer.aread()).count(b'"detail"') == 1
            if expected == 401:
                assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path"), PAGE_ROWS)
async def test_who_may_see_pages(method: str, path: str, site: Site, start: Starter) -> None:
    execution = await start()
    place, filled = site.url + path.lstrip("/").format(id=execution), form_of(path, execution)
    for caller, expected in PAGE_ROWS[method, path].items():
        assert await _visited(site, method, place, TOKENS[caller], form=filled) == expected, caller


@pytest.mark.parametrize(("method", "path"), PAGE_ROWS)
async def test_a_login_in_a_browser_opens_what_its_token_does_and_nothing_for_other_sites(
    method: str, path: str, site: Site, start: Starter
) -> None:
    execution = await start()
    place, fields = site.url + path.lstrip("/").format(id=execution), form_of(path, execution)
    for caller, expected in PAGE_ROWS[method, path].items():
        token = TOKENS[caller]
        if token is None or path in ("/health", "/nothing", "/static/live.js"):
            continue
        cookie = {"Cookie": f"login={token}"}
        form = method == "POST" and "/ui/" not in path
        if form:
            secret = "2|00000000|aaaaaaaa|1"
            filled = {"Cookie": f"login={token}; _xsrf={secret}", "X-XSRFToken": secret}
            assert await _visited(site, method, place, None, {**filled, **SAME_SITE}, fields) == expected, caller
            assert await _visited(site, method, place, None, {**cookie, **SAME_SITE}, fields) == 401, caller
        else:
            assert await _visited(site, method, place, None, {**cookie, **SAME_SITE}) == expected, caller
        if method != "GET":
            assert await _visited(site, method, place, None, {**cookie, **OTHER_SITE}, fields) in (401, 403, 404), (
                caller
            )


SAME_SITE = {"Sec-Fetch-Site": "same-origin", "Origin": "http://hub"}
OTHER_SITE = {"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"}


def form_of(path: str, execution: str) -> dict[str, str] | None:
    """The fields that a form sends there."""
    return {name: value.format(id=execution) for name, value in FORMS.get(path, {}).items()} or None


async def _visited(
    site: Site,
    method: str,
    place: str,
    token: str | None,
    further: dict[str, str] | None = None,
    form: dict[str, str] | None = None,
) -> int:
    headers = {"Sec-Fetch-Mode": "navigate", "Accept": "text/html", **(further or {})}
    if token:
        headers["Authorization"] = f"token {token}"
    if method == "SOCKET":
        headers["Sec-Fetch-Mode"] = "websocket"
        with pytest.raises(HTTPClientError) as refused:
            await websocket_connect(HTTPRequest(place.replace("http", "ws", 1), headers=headers))
        return refused.value.code
    async with client_of(site, None) as client:
        return (await client.request(method, place, headers=headers, data=form)).status_code


async def test_what_is_not_there_and_what_is_somebody_elses_are_answered_alike(
    site: Site, start: Starter, bob: httpx.AsyncClient
) -> None:
    theirs = await start()
    await start("bob-token", name="flights")
    there = (await bob.get(f"/executions/{theirs}")).text
    not_there = (await bob.get(f"/executions/{theirs[::-1]}")).text
    assert there.replace(theirs, "ID") == not_there.replace(theirs[::-1], "ID")


async def test_a_missing_scope_is_named(site: Site, start: Starter) -> None:
    async with client_of(site, "nothing-token") as client:
        answer = await client.delete(f"/executions/{await start()}")
    assert answer.status_code == 403
    assert EXECUTIONS in answer.json()["detail"]


async def test_everybodys_are_listed_for_administrators_only(
    start: Starter, alice: httpx.AsyncClient, admin: httpx.AsyncClient, service: httpx.AsyncClient
) -> None:
    await start()
    await start("bob-token")
    assert len((await alice.get("/executions")).json()["executions"]) == 1
    assert len((await admin.get("/executions")).json()["executions"]) == 0
    assert len((await admin.get("/executions", params={"owner": "*"})).json()["executions"]) == 2
    assert len((await service.get("/executions")).json()["executions"]) == 2
    assert (await alice.get("/executions", params={"owner": "*"})).status_code == 403


async def test_who_administers_a_group_sees_its_members_and_nothing_else(site: Site, start: Starter) -> None:
    """The leader's token reaches alice, as a member of the group staff."""
    hers, his = await start("alice-token"), await start("bob-token")
    store = site.context.store
    await store.put_quota(Subject("group", "staff"), GroupLimits(together=Limits(cpu=12)))
    await store.put_quota(Subject("group", "secret"), GroupLimits(together=Limits(cpu=9)))
    await store.put_quota(Subject("user", "alice"), Limits(memory="3 GiB"))
    async with client_of(site, "leader-token") as leader:
        found = (await leader.get("/executions", params={"owner": "@"})).json()
        assert ([each["id"] for each in found["executions"]], found["total"]) == ([hers], 1)
        assert (await leader.get("/executions", params={"owner": "*"})).status_code == 403
        assert (await leader.get("/executions", params={"owner": "bob"})).status_code == 403
        assert (await leader.get("/quotas/groups/staff")).json()["use"]["name"] == "staff"
        for name in ("secret", "guests"):
            assert (await leader.get(f"/quotas/groups/{name}")).status_code == 403
        assert (await leader.put("/quotas/groups/staff", json={"together": {"cpu": 99}})).status_code == 403
        for page in ("admin/executions", "admin/queue", "admin/executions?live=false", "admin/groups"):
            shown = (await leader.get(site.url + page)).text
            assert his not in shown
            assert "bob" not in shown
            assert "secret" not in shown
            assert "admin/groups" in shown
            for other in ("capacity", "quotas", "shop", "audit", "health"):
                assert f"admin/{other}" not in shown
        listed = (await leader.get(f"{site.url}admin/executions")).text
        assert hers in listed
        groups = (await leader.get(f"{site.url}admin/groups")).text
        assert "Group staff" in groups
        assert ">12<" in groups
        assert "of 3 GiB" in groups
        assert (await leader.get(f"{site.url}admin/executions?owner=bob")).status_code == 403
    assert (await client_of(site, "alice-token").get("/executions", params={"owner": "@"})).status_code == 403
    everybodys = (await client_of(site, "admin-token").get("/executions", params={"owner": "@"})).json()
    assert everybodys["total"] == 2


async def test_who_administers_a_group_hears_of_its_members_only(site: Site, start: Starter) -> None:
    await start("bob-token")
    hers = await start("alice-token")
    await start("bob-token")
    owners = set()
    query = {"owner": "@", "last_event_id": 0}
    async with client_of(site, "leader-token") as leader, leader.stream("GET", "/events", params=query) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                event = json.loads(line.removeprefix("data: "))
                owners.add(event["owner"])
                if len(owners) > 1 or (event["execution"], event["kind"]) == (hers, "execution.state_changed"):
                    break
    assert owners == {"alice"}


async def test_an_administrators_token_for_what_is_their_own_reaches_nobody_elses(site: Site, start: Starter) -> None:
    await start()
    await site.context.store.put_zapp("alice", _own())
    async with client_of(site, "narrowed-token") as client:
        assert (await client.get("/executions")).json()["executions"] == []
        assert (await client.get("/executions", params={"owner": "*"})).status_code == 403
        assert (await client.get("/events", params={"owner": "*"})).status_code == 403
        assert (await client.get("/shop", params={"owner": "alice"})).status_code == 403
        assert (await client.get("/me")).json()["admin"] is False


async def test_broken_files_are_told_to_administrators_only(
    site: Site, alice: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    folder = site.context.catalogue.folder("toy").parent
    (folder / "zapps" / "broken.yaml").write_text(
        "apiVersion: zoe/v1\nkind: ZApp\nname: broken\ntitle: T\nframeworks: 7\n"
    )
    (problem,) = (await admin.get("/shop")).json()["problems"]
    assert problem["path"].endswith("broken.yaml")
    assert problem["line"] == 5
    shop = (await alice.get("/shop")).json()
    assert shop["problems"] == []
    assert "toys" in [zapp["name"] for zapp in shop["zapps"]]


@pytest.mark.parametrize("place", ["/executions", "/me", "/events"])
async def test_a_token_in_the_address_is_refused(site: Site, stranger: httpx.AsyncClient, place: str) -> None:
    assert (await stranger.get(place, params={"token": "alice-token"})).status_code == 400


async def test_a_cookie_needs_the_xsrf_token_but_for_page_loads(site: Site) -> None:
    async with client_of(site, None, cookies={"login": "alice-token"}) as browser:
        page = await browser.get(site.url, headers={"Accept": "text/html"})
        assert page.status_code == 200
        script = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
        assert (await browser.get("/executions", headers=script)).status_code == 401
        assert (await browser.post("/executions", json=SUBMIT)).status_code == 401
        with_token = {**script, "X-XSRFToken": browser.cookies["_xsrf"]}
        assert (await browser.get("/executions", headers=with_token)).status_code == 200
        assert (await browser.post("/executions", json=SUBMIT, headers=with_token)).status_code == 202


@pytest.mark.parametrize(
    ("scopes", "needed", "owner", "caller", "expected"),
    [
        ([EXECUTIONS], EXECUTIONS, "alice", "alice", True),
        ([EXECUTIONS], READ_EXECUTIONS, "alice", "alice", True),
        ([READ_EXECUTIONS], EXECUTIONS, "alice", "alice", False),
        ([EXECUTIONS], EXECUTIONS, "bob", "alice", False),
        ([f"{EXECUTIONS}!user=alice"], EXECUTIONS, "alice", "alice", True),
        ([f"{EXECUTIONS}!user=bob"], EXECUTIONS, "alice", "alice", False),
        ([f"{EXECUTIONS}!user=bob"], EXECUTIONS, "bob", "alice", False),
        ([f"{EXECUTIONS}!server=alice/"], EXECUTIONS, "alice", "alice", False),
        ([f"{EXECUTIONS}!group=staff"], EXECUTIONS, "alice", "alice", False),
        ([f"{EXECUTIONS}!"], EXECUTIONS, "alice", "alice", False),
        ([ADMIN_EXECUTIONS], EXECUTIONS, "bob", "alice", True),
        ([ADMIN_EXECUTIONS], "custom:zoe:connect", "bob", "alice", False),
        ([ADMIN_EXECUTIONS], "custom:zoe:connect", "alice", "alice", False),
        ([f"{ADMIN_EXECUTIONS}!user=bob"], EXECUTIONS, "bob", "alice", True),
        ([f"{ADMIN_EXECUTIONS}!user=bob"], EXECUTIONS, "admin", "alice", False),
        ([EXECUTIONS], EXECUTIONS, "alice", None, False),
        ([], EXECUTIONS, "alice", "alice", False),
        (["admin:users", "custom:zoe"], EXECUTIONS, "alice", "alice", False),
    ],
)
def test_what_scopes_allow(scopes: list[str], needed: str, owner: str, caller: str | None, expected: bool) -> None:
    assert allows(scopes, needed, owner, caller) is expected


def test_the_scopes_are_such_as_jupyterhub_takes() -> None:

    from jupyterhub.scopes import _custom_scope_pattern

    for name, description in SCOPES.items():
        assert _custom_scope_pattern.match(name)
        assert description.keys() <= {"description", "subscopes"}
        assert set(description["subscopes"]) <= SCOPES.keys()
    assert set(USER_SCOPES) == SCOPES.keys() - {ADMIN_EXECUTIONS, ADMIN_AUDIT, ADMIN_QUOTAS, READ_METRICS}
    assert holds([f"{EXECUTIONS}!user=x"], READ_EXECUTIONS, "alice")


def _own() -> object:
    from zoe_hub.model.zapp import ZApp

    return ZApp.model_validate(OWN)
