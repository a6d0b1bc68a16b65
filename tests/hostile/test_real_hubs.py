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

from tests.spawner.hub import RealHub
from tests.spawner.waiting import until
from zoe_hub.client import ExecutionView
from zoe_hub.model.commands import Submit
from zoe_hub.model.execution import ExecutionState
from zoe_hub.model.framework import SecretKind

from .places import answers, command_lines, environments, files, found_in, private_keys, secrets_of

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
c.Authenticator.allowed_users = {"alice", "bob", "carol", "admin"}
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
async def strict(tmp_path_factory: pytest.TempPathFactory, proxy: str) -> AsyncIterator[RealHub]:
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
        assert ">alice</span>" in home.text
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


async def test_secrets_lie_nowhere_about(strict: RealHub) -> None:
    planted = "sk-live-" + "9f3c" * 8
    view, theirs = await running(strict, "alice", motto=planted), await running(strict, "bob")
    await strict.start_server("alice", options={"zapp": "jupyterlab"})
    kinds = {"auth": SecretKind.TOKEN}
    key_file = strict.home / "data" / "key"
    of_cluster = secrets_of(key_file, view.id, "vault", kinds)
    (key_of_cluster,) = strict.home.rglob(f"instances/*/{view.id}/vault.main-0/scratch/key")
    of_cluster |= private_keys(key_of_cluster.read_text())
    of_others = {f"bob's {name}": value for name, value in secrets_of(key_file, theirs.id, "vault", kinds).items()}
    tokens = {user: await strict.user_token(user) for user in ("alice", "bob", "admin", "carol")}
    service = (strict.home / "service-token").read_text().strip()
    (server,) = {
        environment["JUPYTERHUB_API_TOKEN"]
        for _, environment in environments()
        if environment.get("JUPYTERHUB_USER") == "alice" and str(strict.folder) in str(environment)
    }
    of_hub = {"service token": service, "server token": server, "hub's token": strict.admin_token}
    of_hub |= {f"token of {user}": token for user, token in tokens.items()}
    every = {**of_cluster, **of_others, **of_hub}

    seen: dict[str, list[tuple[str, str]]] = {}
    for caller, token in {**{user: tokens[user] for user in ("bob", "admin", "carol")}, "foreign": "f" * 32}.items():
        headers = {"Authorization": f"token {token}"}
        async with httpx.AsyncClient(base_url=f"{strict.service_url}/api/v1", headers=headers, timeout=30) as client:
            # A token in an address, as people try.
            await client.get("/me", params={"token": token})
            await client.get("/me", headers={"Authorization": f"token {token}x"})
            seen[caller] = list(await answers(client, view.id))
    for caller, texts in seen.items():
        for where, text in texts:
            assert found_in(text, every) == [], (caller, where)
            if caller in ("bob", "foreign"):
                assert planted not in text, (caller, where)
                assert view.id not in text or f"named '{view.id}'" in text, (caller, where)

    for where, line in command_lines():
        assert found_in(line, {**every, "planted": planted}) == [], where
    for where, environment in environments():
        if str(strict.folder) not in str(environment):
            continue
        text = "\0".join(environment.values())
        user = environment.get("JUPYTERHUB_USER")
        own = {"server token"} if user == "alice" else set()
        allowed = {"service token"} if environment.get("JUPYTERHUB_SERVICE_NAME") == "zoe" else own
        assert set(found_in(text, every)) <= allowed, (where, user)
        if "ZOE_INSTANCE" in environment:
            assert not [name for name in environment if name.startswith("JUPYTERHUB_")], where

    # What the Hub itself keeps of what it made is its own affair; its log is everybody's who looks for a fault.
    assert found_in(strict.log(), {**every, "planted": planted}) == []
    for path, content, open_to_others in files(strict.home):
        found = found_in(content, {**every, "planted": planted})
        assert not (found and open_to_others), (path, found)
        if path.suffix == ".log" or path.name.startswith("zoe.sqlite"):
            # Parameters are no secrets: the database keeps them.
            assert set(found) <= ({"planted"} if path.name.startswith("zoe.sqlite") else set()), (path, found)
    database = [path.name for path, _, open_to_others in files(strict.home) if path.name.startswith("zoe.sqlite")]
    assert "zoe.sqlite-wal" in database, "what was written last is looked through too"


async def test_a_hub_with_subdomains(tmp_path: Path, proxy: str) -> None:
    async with RealHub(tmp_path, environment=write_shop(tmp_path), domain="hub.test") as hub:
        view = await running(hub, "alice")
        async with hub.zoe() as zoe:
            (page,) = (await zoe.execution(view.id)).ui
        assert page.url.startswith(f"{hub.service_url}/executions/"), "seen from a user's subdomain"
        async with browsing(hub, "alice") as browser:
            home = await browser.get(f"{hub.service_url}/", headers=PAGE_LOAD)
            assert ">alice</span>" in home.text
            shown = await browser.get(page.url, headers=PAGE_LOAD)
            assert (shown.status_code, shown.text) == (200, "no cookie")
            theirs = {**SCRIPT, "Sec-Fetch-Site": "same-site", "Origin": hub.url.replace("//", "//bob.")}
            assert (await browser.get(page.url, headers=theirs)).status_code == 401, "a page of another user's server"
    assert not hub.processes()


async def test_a_hub_with_internal_ssl(tmp_path: Path, proxy: str) -> None:
    early = f"c.JupyterHub.internal_ssl = True\nc.JupyterHub.internal_certs_location = {str(tmp_path / 'certs')!r}\n"
    early += "c.JupyterHub.hub_bind_url = c.JupyterHub.hub_bind_url.replace('http:', 'https:')\n"
    early += "c.ConfigurableHTTPProxy.api_url = c.ConfigurableHTTPProxy.api_url.replace('http:', 'https:')\n"
    async with RealHub(tmp_path, early=early, environment=write_shop(tmp_path)) as hub:
        view = await running(hub, "alice")
        async with browsing(hub, "alice") as browser:
            home = await browser.get(f"{hub.service_url}/", headers=PAGE_LOAD)
            assert ">alice</span>" in home.text
            shown = await browser.get(f"{hub.url}{view.ui[0].url}", headers=PAGE_LOAD)
            assert (shown.status_code, shown.text) == (200, "no cookie")
        token = await hub.user_token("alice")
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{hub.service_url}/api/v1/me", headers={"Authorization": f"token {token}"})
        assert answer.json()["name"] == "alice"
    assert not hub.processes()
