"""A real JupyterHub for tests: its own process, npm's configurable-http-proxy, real user servers.

- ``RealHub(folder)``: everything it writes is below `folder`, every port is free. ``async with`` starts and stops it.
- ``start`` / ``stop`` / ``restart``: `restart` ends the Hub and its services alone, as a crash or an upgrade does; the
  proxy and the user servers live on. `stop` leaves no process.
- ``login(user)``: an ``httpx.AsyncClient`` that went through the login page; ``open_form`` and ``submit_form`` use
  the spawn page with it, ``progress`` follows the spawn's event stream.
- ``start_server`` / ``stop_server`` / ``server``: the same over the Hub's REST interface, as an administrator
  (``admin_token``, ``api``).
- ``zoe(token)``: a client of Zoe's service, at its direct address; ``user_token(user)`` makes a token for it.
- ``log()``: what Hub, proxy, service and user servers wrote. ``pid_of_service()``: to kill it.

The proxy's program is looked for on PATH and in ``$ZOE_HOME/node/node_modules/.bin``.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import psutil
from typing_extensions import Self

from zoe_hub.client import ZoeClient

CHECKOUT = Path(__file__).parent.parent.parent
PASSWORD = "correct horse"

_CONFIG = """
import os, sys
from zoe_hub.hub import configure

c.JupyterHub.bind_url = "http://127.0.0.1:{port}{base}/"
c.JupyterHub.hub_bind_url = "http://{hub_host}:{hub_port}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.ConfigurableHTTPProxy.auth_token = {secret!r}
c.JupyterHub.cookie_secret = bytes.fromhex({secret!r})
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = {password!r}
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {{"admin"}}
c.JupyterHub.allow_named_servers = True
# So that servers survive the Hub, and the proxy with them; RealHub.stop ends what is left.
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False
c.JupyterHub.services = [{{"name": "tester", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [{{
    "name": "tester", "services": ["tester"],
    "scopes": ["admin:users", "admin:servers", "tokens", "list:services", "read:hub", "access:services"],
}}]
c.Spawner.args = ["--allow-root"] if os.geteuid() == 0 else []
c.Spawner.cmd = [os.path.join(os.path.dirname(sys.executable), "jupyterhub-singleuser")]
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r} + "/{{username}}"
c.Spawner.environment = {{"PYTHONPATH": {checkout!r}}}
{early}
configure(
    c, service_url={service_url!r}, environment={{"PYTHONPATH": {checkout!r}}}, allow_root=os.geteuid() == 0
)
c.JupyterHub.spawner_class = {spawner!r}
{late}
"""


def find_proxy() -> str | None:
    """The program configurable-http-proxy, if this machine has it."""
    home = os.environ.get("ZOE_HOME", str(CHECKOUT / ".zoe"))
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(home) / "node" / "node_modules" / ".bin")])
    return shutil.which("configurable-http-proxy", path=path)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def spawner_name(python: str) -> str:
    """The entry point's name, or the class where the package is importable and not installed."""
    command = (
        "from importlib.metadata import entry_points as e; print('zoe-simple' in e(group='jupyterhub.spawners').names)"
    )
    answer = subprocess.run([python, "-c", command], capture_output=True, text=True, check=True, cwd="/")
    return "zoe-simple" if answer.stdout.strip() == "True" else "zoe_hub.spawner.local.ZoeSimpleSpawner"


class RealHub:
    """A JupyterHub with Zoe, configured by ``zoe_hub.hub.configure``.

    `early` and `late` are lines of configuration before and after it. `python` runs the Hub (another one: another
    JupyterHub), `environment` is added to its own. `source` is where Zoe is imported from; None: where `python` has it.
    `base` is the prefix of everything, such as ``/deep/hub``. With a `domain`, users and services have subdomains of
    it, which need not be known to any name server: see `transport`. `hub_host` is an address of this machine at which
    user servers elsewhere, such as in containers, reach Hub and service.
    """

    def __init__(
        self,
        folder: Path,
        *,
        early: str = "",
        late: str = "",
        spawner: str | None = None,
        python: str = sys.executable,
        environment: Mapping[str, str] | None = None,
        source: Path | None = CHECKOUT,
        base: str = "",
        domain: str = "",
        hub_host: str = "127.0.0.1",
    ) -> None:
        self.folder = folder
        self.port, hub_port, proxy_port = free_port(), free_port(), free_port()
        self.base = base
        host = f"{domain or '127.0.0.1'}:{self.port}"
        self.url = f"http://{host}{base}"
        self.service_url = f"http://{f'zoe--service.{host}' if domain else host}{base}/services/zoe"
        if domain:
            early += f'\nc.JupyterHub.subdomain_host = "http://{host}"\n'
        self.api_url = f"http://{hub_host}:{hub_port}{base}/hub/api"
        self._service = f"http://{hub_host}:{free_port()}" if hub_host != "127.0.0.1" else None
        self.admin_token = uuid.uuid4().hex
        self.home = folder / "zoe"
        self._python = python
        self._source = str(source or "")
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._log = folder / "hub.log"
        folder.mkdir(parents=True, exist_ok=True)
        secret = uuid.uuid4().hex * 2
        proxy = find_proxy()
        if proxy is None:
            raise FileNotFoundError("configurable-http-proxy: npm install configurable-http-proxy, and put it on PATH")
        (folder / "jupyterhub_config.py").write_text(
            _CONFIG.format(
                port=self.port, base=base, hub_host=hub_host, hub_port=hub_port, proxy_port=proxy_port,
                proxy=proxy, secret=secret, service_url=self._service,
                password=PASSWORD, token=self.admin_token, homes=str(folder / "homes"), checkout=self._source,
                spawner=spawner or spawner_name(python), early=early, late=late,
            )
        )  # fmt: skip
        (folder / "homes").mkdir(exist_ok=True)

    async def __aenter__(self) -> Self:
        try:
            return await self.start()
        except BaseException:
            await self.stop()
            raise

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # -- the Hub's life

    async def start(self, timeout: float = 90) -> Self:
        """Start, and return when Hub and service answer. A Hub that gave up its slow proxy is started again."""
        launches = 0
        deadline = asyncio.get_running_loop().time() + timeout
        while not await self._answers(f"{self.url}/hub/api/") or not await self._answers(f"{self.service_url}/api/v1/"):
            if self._process is None or self._process.poll() is not None:
                launches += 1
                if launches > 3:
                    raise RuntimeError(f"The hub ends as soon as it is started:\n{self.log()[-4000:]}")
                self._launch()
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"The hub does not answer:\n{self.log()[-4000:]}")
            await asyncio.sleep(0.1)
        return self

    async def restart(self) -> None:
        """End the Hub and its services, not the proxy nor the user servers, and start it again."""
        await self.end_hub()
        await self.start()

    async def end_hub(self) -> None:
        """The first half of `restart`."""
        await self._signal(signal.SIGTERM)

    async def kill_hub(self) -> None:
        """End the Hub alone, as a crash does: its service, proxy and user servers live on. `start` brings it back."""
        await self._signal(signal.SIGKILL)

    async def stop(self) -> None:
        """End everything that was started. A second call does nothing."""
        await self._signal(signal.SIGTERM)
        left = self.processes()
        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in left:
                try:
                    process.send_signal(number)
                except psutil.NoSuchProcess:
                    continue
            _, left = await asyncio.to_thread(psutil.wait_procs, left, 5)
            left = [*{*left, *self.processes()}]
            if not left:
                return

    def processes(self) -> list[psutil.Process]:
        """All processes with this hub's folder in their environment or command, wherever they were started."""
        mine: list[psutil.Process] = []
        needle = str(self.folder)
        for process in psutil.process_iter():
            try:
                words = [*process.environ().values(), *process.cmdline()]
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
            if process.pid != os.getpid() and any(needle in word for word in words):
                mine.append(process)
        return mine

    def pid_of_service(self) -> int:
        """Of ``python -m zoe_hub``."""
        for process in self.processes():
            if process.cmdline()[1:3] == ["-m", "zoe_hub"]:
                return int(process.pid)
        raise LookupError("the service does not run")

    def log(self) -> str:
        """What Hub, proxy, service and user servers have written."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    # -- as a person with a browser

    async def login(self, user: str, password: str = PASSWORD) -> httpx.AsyncClient:
        """A client with the cookies of a log-in through the login page. Close it."""
        browser = httpx.AsyncClient(base_url=self.url, follow_redirects=True, timeout=60, transport=self.transport())
        page = await browser.get("/hub/login")
        fields = {"username": user, "password": password, "_xsrf": self._xsrf(browser)}
        headers = {"Referer": str(page.url)}
        # Not followed: it leads to the user's server, which may be in any state.
        answer = await browser.post("/hub/login", data=fields, headers=headers, follow_redirects=False)
        if not answer.is_redirect or "/hub/login" in answer.headers["location"]:
            await browser.aclose()
            raise PermissionError(f"{user} could not log in: {answer.status_code}")
        return browser

    async def open_form(self, browser: httpx.AsyncClient, user: str, server: str = "") -> Form:
        """The spawn page."""
        page = await browser.get(f"/hub/spawn/{user}/{server}" if server else f"/hub/spawn/{user}")
        page.raise_for_status()
        return Form.read(page.text)

    async def submit_form(self, browser: httpx.AsyncClient, form: Form, **fields: str) -> httpx.Response:
        """Press Start. The answer is the progress page, or the spawn page again with an error on it."""
        data = {**form.fields, **{name.replace("__", "."): value for name, value in fields.items()}}
        parts = {name: (None, value) for name, value in data.items()}
        answer = await browser.post(urljoin(self.url, form.action), files=parts, follow_redirects=False)
        return await browser.get(urljoin(self.url, answer.headers["location"])) if answer.is_redirect else answer

    async def progress(self, browser: httpx.AsyncClient, user: str, server: str = "") -> list[dict[str, Any]]:
        """Every event of a spawn, to the one that says ready or failed."""
        path = f"/hub/api/users/{user}/" + (f"servers/{server}/progress" if server else "server/progress")
        events: list[dict[str, Any]] = []
        headers = {"X-XSRFToken": self._xsrf(browser), "Accept": "text/event-stream"}
        async with browser.stream("GET", path, params={"_xsrf": self._xsrf(browser)}, headers=headers) as answer:
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                if line.startswith("data:"):
                    events.append(json.loads(line[5:]))
                    if events[-1].get("ready") or events[-1].get("failed"):
                        break
        return events

    # -- as an administrator with a token

    async def api(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """One request to the Hub's REST interface, below ``/hub/api``."""
        base = f"{self.url}/hub/api"
        async with httpx.AsyncClient(base_url=base, timeout=60, transport=self.transport()) as client:
            return await client.request(method, path, headers={"Authorization": f"token {self.admin_token}"}, **kwargs)

    async def start_server(
        self, user: str, server: str = "", options: Mapping[str, Any] | None = None, timeout: float = 120
    ) -> httpx.Response:
        """Start a server by REST, making the user, and wait until it is ready or refused. Returns the answer."""
        await self.api("POST", f"/users/{user}")
        answer = await self.api("POST", _server_path(user, server), json=await self.body_for(options, server))
        if answer.status_code < 300:
            await self.wait_until(user, server, lambda found: not found.get("pending"), timeout)
        return answer

    async def body_for(self, options: Mapping[str, Any] | None, server: str = "") -> dict[str, Any] | None:
        """The body of a request that starts a server. To JupyterHub 5, it is the options themselves."""
        if options is None:
            return None
        version = str((await self.api("GET", "/")).json()["version"])
        return dict(options) if version.startswith("5.") else {"user_options": dict(options), "display_name": server}

    async def stop_server(self, user: str, server: str = "", *, remove: bool = False, timeout: float = 60) -> None:
        """Stop a server and wait until it is gone; with `remove`, a named server is deleted."""
        answer = await self.api("DELETE", _server_path(user, server), json={"remove": True} if remove else None)
        answer.raise_for_status()
        await self.wait_until(user, server, lambda found: not found or found.get("stopped", False), timeout)

    async def server(self, user: str, server: str = "") -> dict[str, Any]:
        """The Hub's description of a server; empty when it does not run."""
        answer = await self.api("GET", f"/users/{user}", params={"include_stopped_servers": "1"})
        found: dict[str, Any] = answer.json().get("servers", {}).get(server, {}) if answer.is_success else {}
        return found

    async def wait_until(self, user: str, server: str, so: Any, timeout: float = 60) -> dict[str, Any]:
        """Until `so` is true of the server's description."""
        deadline = asyncio.get_running_loop().time() + timeout
        while not so(found := await self.server(user, server)):
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"{user}/{server} is {found}:\n{self.log()[-4000:]}")
            await asyncio.sleep(0.1)
        return found

    async def user_token(self, user: str, scopes: list[str] | None = None) -> str:
        """A token of a user who has logged in or was made before; with all that the user may do unless told."""
        body: dict[str, Any] = {"note": "test", "expires_in": 3600}
        if scopes is not None:
            body["scopes"] = scopes
        answer = await self.api("POST", f"/users/{user}/tokens", json=body)
        answer.raise_for_status()
        return str(answer.json()["token"])

    # -- Zoe

    @property
    def zoe_url(self) -> str:
        """The service's direct address."""
        url = self._service or f"http://127.0.0.1:{(self.home / 'service-port').read_text().strip()}"
        return f"{url}{self.base}/services/zoe"

    def zoe(self, token: str | None = None) -> ZoeClient:
        """A client of the service; without a token, with the service's own, which reaches everybody's executions."""
        return ZoeClient(self.zoe_url, token or (self.home / "service-token").read_text().strip())

    # -- inside

    def transport(self) -> httpx.AsyncHTTPTransport:
        """Of HTTP clients: every host is this machine, whatever its name."""
        return _ThisMachine()

    def _xsrf(self, browser: httpx.AsyncClient) -> str:
        """The newest XSRF cookie of the Hub's pages."""
        path = f"{self.base}/hub/"
        found = [cookie.value for cookie in browser.cookies.jar if cookie.name == "_xsrf" and cookie.path == path]
        return found[-1] or "" if found else ""

    def _launch(self) -> None:
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("JUPYTERHUB_", "ZOE_"))}
        folders = [str(Path(self._python).parent), environment.get("PATH", os.defpath)]
        environment |= {
            "ZOE_HOME": str(self.home),
            "PATH": os.pathsep.join(folders),
            "PYTHONPATH": self._source,
            **self._environment,
        }
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [self._python, "-m", "jupyterhub", "-f", "jupyterhub_config.py"],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    async def _answers(self, url: str) -> bool:
        try:
            async with httpx.AsyncClient(transport=self.transport(), timeout=5) as client:
                return (await client.get(url)).status_code == 200
        except httpx.TransportError:
            return False

    async def _signal(self, number: signal.Signals) -> None:
        """Signal the Hub and wait for its end, by force after 20 seconds."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.send_signal(number)
        try:
            await asyncio.to_thread(process.wait, 20)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)


class Form(HTMLParser):
    """The spawn page's form: where it goes, and its fields as a browser without JavaScript would send them."""

    def __init__(self) -> None:
        super().__init__()
        self.html = ""
        self.action = ""
        self.fields: dict[str, str] = {}
        self.choices: dict[str, list[str]] = {}
        self._select = ""

    @classmethod
    def read(cls, html: str) -> Self:
        form = cls()
        form.html = html
        form.feed(html)
        return form

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        name = found.get("name", "")
        if tag == "form" and found.get("id") == "spawn_form":
            self.action = found.get("action", "")
        elif tag == "input" and name:
            self.choices.setdefault(name, []).append(found.get("value", ""))
            if found.get("type") not in ("radio", "checkbox") or "checked" in found:
                self.fields[name] = found.get("value", "")
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            self.choices.setdefault(self._select, []).append(found.get("value", ""))
            if "selected" in found or self._select not in self.fields:
                self.fields[self._select] = found.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""


def _server_path(user: str, server: str) -> str:
    return f"/users/{user}/servers/{server}" if server else f"/users/{user}/server"


class _ThisMachine(httpx.AsyncHTTPTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        # Not the request itself, by which cookies are kept; its header Host is made already.
        there = httpx.Request(
            request.method,
            request.url.copy_with(host="127.0.0.1"),
            headers=request.headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        return await super().handle_async_request(there)
