"""The Hub of compose.yaml: servers and clusters are containers of the engine whose socket is mounted.

What is said in /etc/jupyterhub/more/*.py comes after it, and wins.
"""

import os
from pathlib import Path

from zoe_hub.hub import configure


def secret(name: str) -> str:
    """What was made for this installation at its first start."""
    return Path("/secrets", name).read_text().strip()


c = get_config()  # noqa: F821
c.JupyterHub.hub_bind_url = "http://0.0.0.0:8081"
c.JupyterHub.hub_connect_url = "http://hub:8081"
c.JupyterHub.db_url = f"postgresql+psycopg://hub:{secret('database')}@database/hub"
c.JupyterHub.cookie_secret = bytes.fromhex(secret("cookies"))
# Servers and the proxy live on while the Hub is started anew.
c.JupyterHub.cleanup_servers = False
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = "http://proxy-inside:8001"
c.ConfigurableHTTPProxy.auth_token = secret("proxy")

# To try it: whoever knows the word may come in by any name. Put your own authenticator in its place.
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = secret("password")
c.SharedPasswordAuthenticator.admin_password = secret("administrator")
c.Authenticator.admin_users = {"admin"}
c.Authenticator.allow_all = True

c.DockerSpawner.network_name = os.environ["ZOE_NOTEBOOKS_NETWORK"]
c.DockerSpawner.remove = True
# The first start of an image reads all of it from the disk.
c.DockerSpawner.http_timeout = 120
c.DockerSpawner.volumes = {"jupyterhub-user-{username}": "/home/jovyan/work"}
c.DockerSpawner.notebook_dir = "/home/jovyan/work"
c.DockerSpawner.extra_host_config = {"security_opt": ["no-new-privileges"], "cap_drop": ["ALL"]}

os.environ.setdefault("ZOE_CONFIG_FILE", "/etc/jupyterhub/zoe_config.py")
configure(c, service_url="http://zoe:9999")
c.JupyterHub.spawner_class = "zoe-docker"

for more in sorted(Path("/etc/jupyterhub/more").glob("*.py")):
    exec(compile(more.read_text(), str(more), "exec"))
