"""Who may what: every operation against every kind of caller."""

from __future__ import annotations

import httpx
import pytest

from zoe_hub.web.api import OPERATIONS
from zoe_hub.web.scopes import ADMIN_EXECUTIONS, EXECUTIONS, READ_EXECUTIONS, SCOPES, USER_SCOPES, allows, holds

from .conftest import OWN, Site, Starter, client_of

CALLERS = ("alice", "bob", "admin", "service", "nothing", "filtered", "impostor", "stranger")
SUBMIT = {"zapp": "toys"}
REPORT = {"state": "ready"}
ATTACH = {"server": "alice/"}

# What each caller is answered, asking for what is alice's, in the order of CALLERS. `nothing` is alice
# with a token without scopes, `filtered` is bob with alice's filter in each scope, `impostor` a service called alice.
TABLE: dict[tuple[str, str], tuple[int, ...]] = {
    ("GET", "/"): (200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "/openapi.json"): (200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "/schemas/framework.json"): (200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "/schemas/zapp.json"): (200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "/me"): (200, 200, 200, 200, 200, 200, 200, 401),
    ("GET", "/shop"): (200, 200, 200, 200, 403, 403, 200, 401),
    ("GET", "/zapps/{name}"): (200, 404, 404, 404, 403, 403, 404, 401),
    ("PUT", "/zapps/{name}"): (200, 200, 200, 403, 403, 403, 422, 401),
    ("DELETE", "/zapps/{name}"): (204, 404, 404, 403, 403, 403, 422, 401),
    ("GET", "/nodes"): (200, 200, 200, 200, 403, 403, 200, 401),
    ("POST", "/plans"): (200, 200, 200, 200, 403, 403, 200, 401),
    ("POST", "/executions"): (202, 403, 202, 202, 403, 403, 403, 401),
    ("GET", "/executions"): (200, 403, 200, 200, 403, 403, 403, 401),
    ("GET", "/executions/{id}"): (200, 404, 200, 200, 403, 404, 404, 401),
    ("PATCH", "/executions/{id}"): (202, 404, 202, 202, 403, 404, 404, 401),
    ("DELETE", "/executions/{id}"): (202, 404, 202, 202, 403, 404, 404, 401),
    ("PUT", "/executions/{id}/attachment"): (200, 404, 200, 200, 403, 404, 404, 401),
    ("DELETE", "/executions/{id}/attachment"): (200, 404, 200, 200, 403, 404, 404, 401),
    ("PUT", "/executions/{id}/instances/{process}/{ordinal}"): (403, 403, 204, 204, 403, 403, 403, 401),
    ("GET", "/executions/{id}/connection"): (200, 404, 403, 403, 403, 404, 404, 401),
    ("GET", "/executions/{id}/logs"): (200, 404, 200, 200, 403, 404, 404, 401),
    ("GET", "/executions/{id}/events"): (200, 404, 200, 200, 403, 404, 404, 401),
    ("GET", "/events"): (200, 404, 200, 200, 403, 404, 404, 401),
}
BODIES = {
    ("PUT", "/zapps/{name}"): OWN,
    ("POST", "/plans"): SUBMIT,
    ("POST", "/executions"): {**SUBMIT, "owner": "alice"},
    ("PATCH", "/executions/{id}"): {"parameters": {"workers": 2}},
    ("PUT", "/executions/{id}/attachment"): ATTACH,
    ("PUT", "/executions/{id}/instances/{process}/{ordinal}"): REPORT,
}


def test_every_operation_has_a_row() -> None:
    assert {(operation.method, operation.path) for operation in OPERATIONS} == TABLE.keys()


@pytest.mark.parametrize(("method", "path"), TABLE)
async def test_who_may(method: str, path: str, site: Site, start: Starter, service: httpx.AsyncClient) -> None:
    if "instances" in path:
        body = {"zapp": "desk-app", "owner": "alice", "attachment": {"server": "alice/"}}
        execution = (await service.post("/executions", json=body)).json()["id"]
    else:
        execution = await start()
    for caller, expected in zip(CALLERS, TABLE[method, path], strict=True):
        if "zapps" in path:
            await site.context.store.put_zapp("alice", _own())
        place = path.format(id=execution, name="mine", process="desk.server", ordinal=0)
        query = {"execution": execution} if path == "/events" else {"owner": "alice"} if place == "/executions" else {}
        token = None if caller == "stranger" else f"{caller}-token"
        async with (
            client_of(site, token) as client,
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
    assert set(USER_SCOPES) == SCOPES.keys() - {ADMIN_EXECUTIONS}
    assert holds([f"{EXECUTIONS}!user=x"], READ_EXECUTIONS, "alice")


def _own() -> object:
    from zoe_hub.model.zapp import ZApp

    return ZApp.model_validate(OWN)
