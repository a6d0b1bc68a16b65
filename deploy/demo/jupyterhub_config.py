"""The demo hub: everything on this machine's loopback interface, one password for everybody.

`make hub` starts it through `scripts/hub.py`, which sets the environment variables read here. Not for a machine
that others can log in to: all user servers run as the one who typed `make hub`.
"""

import os
import secrets
import socket
import sys
from pathlib import Path

from jupyterhub.auth import Authenticator

from zoe_hub.hub import configure

HOST = "127.0.0.1"
c = get_config()  # noqa: F821

home = Path(os.environ["ZOE_HOME"])
data = home / "data"


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


class OnePassword(Authenticator):
    """Any user name, with the password of this run."""

    password = os.environ["ZOE_DEMO_PASSWORD"]

    async def authenticate(self, handler, data):
        """Return the name when the password is right."""
        right = secrets.compare_digest(data["password"].encode(), self.password.encode())
        return data["username"] if right else None


c.JupyterHub.authenticator_class = OnePassword
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {"admin"}
# Names become folders: a letter first, no slash, no dot that could lead elsewhere. Capitals are folded before.
c.Authenticator.username_pattern = r"^[a-z][a-z0-9-]{0,31}\Z"

c.JupyterHub.bind_url = f"http://{HOST}:{os.environ['ZOE_PORT']}"
c.JupyterHub.hub_bind_url = f"http://{HOST}:{os.environ.get('ZOE_HUB_PORT') or free_port()}"
c.JupyterHub.db_url = f"sqlite:///{data / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(data / "jupyterhub_cookie_secret")
c.JupyterHub.cleanup_servers = True
c.JupyterHub.cleanup_proxy = True

c.JupyterHub.proxy_class = "configurable-http-proxy"
c.ConfigurableHTTPProxy.command = [str(home / "node" / "node_modules" / ".bin" / "configurable-http-proxy")]
c.ConfigurableHTTPProxy.api_url = f"http://{HOST}:{free_port()}"
c.ConfigurableHTTPProxy.pid_file = str(data / "proxy.pid")

c.Spawner.ip = HOST
c.Spawner.cmd = [str(Path(sys.executable).with_name("jupyterhub-singleuser"))]
if os.geteuid() == 0:
    c.Spawner.args = ["--allow-root"]
c.SimpleLocalProcessSpawner.home_dir_template = str(data / "home" / "{username}")

# What an existing hub would add (and `allow_root` only if it were somebody's own container):
configure(c, allow_root=os.geteuid() == 0)
c.JupyterHub.spawner_class = "zoe-simple"

# So that `zoe start jupyterlab-spark` in a terminal of JupyterLab may start a second server beside the first.
c.JupyterHub.allow_named_servers = True
c.ZoeMixin.zoe_server_scopes.append("servers!user")
