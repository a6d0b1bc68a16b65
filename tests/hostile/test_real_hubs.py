"""On real JupyterHubs that are set up strictly: a prefix, PKCE required, subdomains, internal SSL; and secrets."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.spawner.conftest import proxy  # noqa: F401
from tests.spawner.hub import RealHub
from tests.spawner.waiting import until
from zoe_hub.client import ExecutionView
from zoe_hub.model.commands import Submit
from zoe_hub.model.execution import ExecutionState

pytestmark = [pytest.mark.hub, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

FRAMEWORK = """
apiVersion: zoe/v1
kind: Framework
name: vault
title: Vault
options: [{name: motto, type: string, default: ""}]
secrets: [{name: auth}, {name: tls, kind: certificate}]
processes:
  - name: main
    title: Main
    command: ["${python}", "-I", "${framework.folder}/page.py", "${self.port.web}"]
    environment: {ZOE_TEST_VAULT: "x"}
    files:
      - {path: token, content: "${secret.auth}"}
      - {path: bearer, content: "${bearer.auth}"}
      - {path: key, content: "${key.tls}"}
      - {path: motto, content: "{{ motto }}"}
    ports:
      - {name: web, protocol: http, purpose: ui, title: Page, headers: {Authorization: "Bearer ${secret.auth}"}}
    readiness: {port: web}
client: {connection: {token: "${secret.auth}", page: "${main.url.web}"}}
"""
PAGE = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TOKEN = "Bearer " + Path("token").read_text()


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.headers.get("Authorization") == TOKEN else 401)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(self.headers.get("Cookie", "no cookie").encode())


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Page).serve_forever()
"""
ZAPP = """
apiVersion: zoe/v1
kind: ZApp
name: vault
title: Vault
parameters: [{name: motto, type: string, default: ""}]
frameworks: [{framework: vault, options: {motto: "{{ motto }}"}}]
"""
STRICT = """
c.JupyterHub.oauth_require_pkce = True
c.JupyterHub.load_groups = {"staff": {"users": ["alice"]}}
c.JupyterHub.load_roles += [
    {"name": "lead", "users": ["carol"], "scopes": ["custom:zoe:admin:executions!group=staff"]},
]
c.Authenticator.allowed_users = {"alice", "bob", "carol"}
c.JupyterHub.services += [
    {"name": "foreign", "api_token": "f" * 32},
    {"name": "visitor", "api_token": "e" * 32},
]
c.JupyterHub.load_roles += [{"name": "visit", "services": ["visitor"], "scopes": ["access:services!service=zoe"]}]
"""
PAGE_LOAD = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}
SCRIPT = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}


@asynccontextmanager
async def browsing(hub: RealHub, user: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which the user is logged in."""
    browser = await hub.login(user)
    try:
        yield browser
    finally:
        await browser.aclose()


def write_shop(folder: Path) -> dict[str, str]:
    """A shop with the ZApp `vault`; returns the environment of a hub that reads it."""
    (folder / "shop" / "vault").mkdir(parents=True)
    (folder / "shop" / "zapps").mkdir()
    (folder / "shop" / "vault" / "framework.yaml").write_text(FRAMEWORK)
    (folder / "shop" / "vault" / "page.py").write_text(PAGE)
    (folder / "shop" / "vault" / "client.py").write_text("def connect(connection): return {}\n")
    (folder / "shop" / "zapps" / "vault.yaml").write_text(ZAPP)
    (folder / "zoe_config.py").write_text(f"c = get_config()\nc.ZoeConfig.folders = [{str(folder / 'shop')!r}]\n")
    return {"ZOE_CONFIG_FILE": str(folder / "zoe_config.py")}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def strict(tmp_path_factory: pytest.TempPathFactory, proxy: str) -> AsyncIterator[RealHub]:  # noqa: F811
    """Under a prefix, with PKCE required, a group with an administrator, and services of others."""
    folder = tmp_path_factory.mktemp("strict")
    async with RealHub(folder, early=STRICT, environment=write_shop(folder), base="/deep/hub") as hub:
        yield hub
    assert not hub.processes()


async def running(hub: RealHub, owner: str, **parameters: Any) -> ExecutionView:
    async with hub.zoe() as zoe:
        submitted = await zoe.submit(Submit(zapp="vault", owner=owner, parameters=parameters))
        return await zoe.wait(submitted.id, lambda view: view.state is ExecutionState.RUNNING, timeout=60)


async def test_a_browser_logs_in_starts_sees_a_page_and_ends_under_a_prefix_with_pkce(strict: RealHub) -> None:
    view = await running(strict, "alice")
    async with browsing(strict, "alice") as browser:
        home = await browser.get(f"{strict.service_url}/", headers=PAGE_LOAD)
        assert "Executions of alice" in home.text
        assert home.url.path == "/deep/hub/services/zoe/"
        api = f"{strict.service_url}/api/v1"
        assert (await browser.get(f"{api}/me", headers=SCRIPT)).status_code == 401, "a script needs the XSRF token"
        xsrf = re.search(r'name="_xsrf" value="([^"]+)"', home.text)
        assert xsrf is not None
        token = {**SCRIPT, "X-XSRFToken": xsrf[1]}
        assert (await browser.get(f"{api}/me", headers=token)).json()["name"] == "alice"
        refused = await browser.post(f"{api}/executions", json={"zapp": "vault"}, headers=SCRIPT)
        assert refused.status_code == 401
        link = re.search(r'<a href="([^"]+/ui/[^"]+)"', home.text)
        assert link is not None
        page = await browser.get(f"http://{httpx.URL(strict.url).netloc.decode()}{link[1]}", headers=PAGE_LOAD)
        assert (page.status_code, page.text) == (200, "no cookie")
        place = f"{strict.service_url}/executions/{view.id}/terminate"
        own = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin"}
        foreign = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"}
        for headers, data, status in (
            (own, {}, 401),
            (foreign, {}, 401),
            (own, {"_xsrf": "2|00000000|aaaaaaaa|1"}, 401),
            (own, {"_xsrf": xsrf[1]}, 303),
        ):
            answer = await browser.post(place, headers=headers, data=data, follow_redirects=False)
            assert answer.status_code == status, (headers, data)


async def test_tokens_of_others_expired_and_foreign_ones(strict: RealHub) -> None:
    view = await running(strict, "alice")
    path = f"/executions/{view.id}"
    for user in ("alice", "bob", "carol"):
        await strict.api("POST", f"/users/{user}")
    everything = ["access:services!service=zoe", "custom:zoe:read:executions", "custom:zoe:executions"]
    tokens = {
        "owner": (await strict.user_token("alice"), 200),
        "other": (await strict.user_token("bob"), 404),
        "leader": (await strict.user_token("carol"), 200),
        "unscoped": (await strict.user_token("alice", everything[:1]), 403),
        "no visit": (await strict.user_token("alice", everything[1:]), 403),
        "another's filter": (await strict.user_token("bob", [everything[0], everything[1] + "!user=alice"]), 404),
        "foreign service": ("f" * 32, 403),
        "visiting service": ("e" * 32, 403),
        "nobody's": ("0" * 32, 401),
    }
    async with httpx.AsyncClient(base_url=f"{strict.service_url}/api/v1", trust_env=False) as client:
        for name, (token, status) in tokens.items():
            answer = await client.get(path, headers={"Authorization": f"token {token}"})
            assert answer.status_code == status, (name, answer.text)
        leader = {"Authorization": f"token {tokens['leader'][0]}"}
        assert (await client.get("/executions", params={"owner": "bob"}, headers=leader)).status_code == 403
        assert (await client.get(f"{path}/connection", headers=leader)).status_code == 403
        short = await strict.api("POST", "/users/alice/tokens", json={"note": "short", "expires_in": 1})
        expiring = {"Authorization": f"token {short.json()['token']}"}

        async def is_over() -> bool:
            return (await client.get(f"{strict.url}/hub/api/user", headers=expiring)).status_code == 403

        await until(is_over, interval=0.2)
        assert (await client.get(path, headers=expiring)).status_code == 401, "asked for the first time when it is over"
        # Nobody makes a token that reaches further than its maker.
        for scope in ("custom:zoe:admin:executions", "custom:zoe:admin:executions!user=bob"):
            made = await client.post(
                f"{strict.url}/hub/api/users/carol/tokens", json={"scopes": [scope]}, headers=leader
            )
            if made.status_code < 300:
                narrow = {"Authorization": f"token {made.json()['token']}"}
                answer = await client.get("/executions", params={"owner": "bob"}, headers=narrow)
                assert answer.status_code == 403, scope


async def test_a_hub_with_subdomains(tmp_path: Path, proxy: str) -> None:  # noqa: F811
    async with RealHub(tmp_path, environment=write_shop(tmp_path), domain="hub.test") as hub:
        view = await running(hub, "alice")
        async with hub.zoe() as zoe:
            (page,) = (await zoe.execution(view.id)).ui
        assert page.url.startswith(f"{hub.service_url}/executions/"), "seen from a user's subdomain"
        async with browsing(hub, "alice") as browser:
            home = await browser.get(f"{hub.service_url}/", headers=PAGE_LOAD)
            assert "Executions of alice" in home.text
            shown = await browser.get(page.url, headers=PAGE_LOAD)
            assert (shown.status_code, shown.text) == (200, "no cookie")
            theirs = {**SCRIPT, "Sec-Fetch-Site": "same-site", "Origin": hub.url.replace("//", "//bob.")}
            assert (await browser.get(page.url, headers=theirs)).status_code == 401, "a page of another user's server"
    assert not hub.processes()


async def test_a_hub_with_internal_ssl(tmp_path: Path, proxy: str) -> None:  # noqa: F811
    early = f"c.JupyterHub.internal_ssl = True\nc.JupyterHub.internal_certs_location = {str(tmp_path / 'certs')!r}\n"
    early += "c.JupyterHub.hub_bind_url = c.JupyterHub.hub_bind_url.replace('http:', 'https:')\n"
    early += "c.ConfigurableHTTPProxy.api_url = c.ConfigurableHTTPProxy.api_url.replace('http:', 'https:')\n"
    async with RealHub(tmp_path, early=early, environment=write_shop(tmp_path)) as hub:
        view = await running(hub, "alice")
        async with browsing(hub, "alice") as browser:
            home = await browser.get(f"{hub.service_url}/", headers=PAGE_LOAD)
            assert "Executions of alice" in home.text
            shown = await browser.get(f"{hub.url}{view.ui[0].url}", headers=PAGE_LOAD)
            assert (shown.status_code, shown.text) == (200, "no cookie")
        token = await hub.user_token("alice")
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{hub.service_url}/api/v1/me", headers={"Authorization": f"token {token}"})
        assert answer.json()["name"] == "alice"
    assert not hub.processes()
