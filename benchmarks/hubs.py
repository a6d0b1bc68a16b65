"""A JupyterHub in a folder of its own, with or without Zoe, as an administrator would set it up."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
from processes import HOST, Processes, free_port
from report import say, wait_until
from typing_extensions import Self

CHECKOUT = Path(__file__).resolve().parent.parent

CONFIGURATION = """
import os, sys
c = get_config()
c.JupyterHub.bind_url = "http://{host}:{port}"
c.JupyterHub.hub_bind_url = "http://{host}:{hub_port}"
c.JupyterHub.db_url = "sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{folder}/cookie-secret"
c.JupyterHub.cleanup_servers = True
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.ConfigurableHTTPProxy.command = ["{proxy}"]
c.ConfigurableHTTPProxy.api_url = "http://{host}:{proxy_port}"
c.ConfigurableHTTPProxy.pid_file = "{folder}/proxy.pid"
c.JupyterHub.services = [{{"name": "bench", "api_token": os.environ["BENCH_TOKEN"]}}]
c.JupyterHub.load_roles = [
    {{"name": "bench", "services": ["bench"], "scopes": ["admin:users", "admin:servers", "tokens", "access:servers"]}}
]
c.Spawner.ip = "{host}"
c.Spawner.cmd = [os.path.join(os.path.dirname(sys.executable), "jupyterhub-singleuser")]
c.Spawner.args = ["--allow-root"] if os.geteuid() == 0 else []
c.SimpleLocalProcessSpawner.home_dir_template = "{folder}/home/{{username}}"
c.JupyterHub.spawner_class = "simple"
"""

WITH_ZOE = """
from zoe_hub.hub import configure
configure(c, home="{folder}/zoe", allow_root=os.geteuid() == 0)
c.JupyterHub.spawner_class = "zoe_hub.spawner.local.ZoeSimpleSpawner"
"""


class Hub:
    """A running JupyterHub with its proxy; gone, with all that it started, at the end of the `with` block."""

    def __init__(self, folder: Path, *, zoe: bool, cache: Path | None = None, settings: str | None = None) -> None:
        """`settings` are further lines of configuration, those with which Zoe is set up among them."""
        self.folder = folder
        self.zoe = zoe
        self.cache = cache
        self.settings = settings if settings is not None else (WITH_ZOE.format(folder=folder) if zoe else "")
        self.port = free_port()
        self.token = secrets.token_hex(16)
        self.processes = Processes(folder / "hub.log")
        self.http = httpx.Client(
            base_url=f"http://{HOST}:{self.port}", headers={"Authorization": f"token {self.token}"}, timeout=60
        )

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        (self.folder / "home").mkdir(parents=True)
        config = self.folder / "jupyterhub_config.py"
        ports = {"port": self.port, "hub_port": free_port(), "proxy_port": free_port()}
        text = CONFIGURATION.format(host=HOST, folder=self.folder, proxy=find_proxy(), **ports)
        config.write_text(text + self.settings)
        if self.zoe and self.cache:
            data = self.folder / "zoe" / "data"
            data.mkdir(parents=True, mode=0o700)
            (data / "cache").symlink_to(self.cache)
        environment = {"BENCH_TOKEN": self.token, "PYTHONPATH": str(CHECKOUT)}
        self.processes.start([sys.executable, "-m", "jupyterhub", "-f", str(config)], environment, cwd=self.folder)
        try:
            wait_until(self._up, f"The hub of {self.folder}", pause=0.2)
        except BaseException:
            say((self.folder / "hub.log").read_text(errors="replace")[-3000:])
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()
        self.processes.end(grace=30)
        if self.zoe:
            # Clusters outlive their service; the benchmark's must not.
            subprocess.run(
                [sys.executable, "-m", "zoe_hub", "--terminate-all"],
                env={**os.environ, "ZOE_HOME": str(self.folder / "zoe"), "PYTHONPATH": str(CHECKOUT)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=120,
                check=True,
            )

    def _up(self) -> bool:
        paths = ["/hub/api/", "/services/zoe/api/v1/"] if self.zoe else ["/hub/api/"]
        try:
            return all(httpx.get(self.url + path).is_success for path in paths)
        except httpx.TransportError:
            return False

    def request(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """One call of JupyterHub's REST interface, below ``/hub/api``. Raises httpx.HTTPStatusError."""
        return self.http.request(method, "/hub/api" + path, **kwargs).raise_for_status()

    def user(self, name: str) -> str:
        """Make a user; a token with all that the user may do."""
        self.request("POST", f"/users/{name}")
        return str(self.request("POST", f"/users/{name}/tokens", json={"note": "benchmark"}).json()["token"])


def home() -> Path:
    """Where set-up has put things: ZOE_HOME, or ``.zoe`` in the checkout."""
    return Path(os.environ.get("ZOE_HOME") or CHECKOUT / ".zoe").absolute()


def find_proxy() -> str:
    """The configurable-http-proxy that set-up installed. Raises FileNotFoundError."""
    found = (
        shutil.which("configurable-http-proxy") or home() / "node" / "node_modules" / ".bin" / "configurable-http-proxy"
    )
    if not Path(found).exists():
        raise FileNotFoundError("There is no configurable-http-proxy; `make setup` installs it.")
    return str(found)
