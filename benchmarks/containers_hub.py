"""Hubs whose servers and clusters are containers of one Docker engine, for the benchmarks of that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
from processes import free_port
from report import say

NETWORK, SUBNET, GATEWAY = "zoe-bench", "10.225.0.0/24", "10.225.0.1"
NOTEBOOK, DASK = "zoe/jupyter:0.1", "zoe/dask:0.1"

_SERVERS = f"""
c.JupyterHub.hub_bind_url = "http://{GATEWAY}:{{hub}}"
c.Spawner.cmd = ["jupyterhub-singleuser"]
c.Spawner.args = []
c.DockerSpawner.ip = "0.0.0.0"
c.DockerSpawner.image = "{NOTEBOOK}"
c.DockerSpawner.network_name = "{NETWORK}"
c.DockerSpawner.pull_policy = "never"
c.DockerSpawner.remove = True
c.DockerSpawner.mem_limit = "1G"
c.DockerSpawner.prefix = "zoe-bench-{{name}}"
c.JupyterHub.spawner_class = "dockerspawner.DockerSpawner"
"""
_ZOE = """
from zoe_hub.hub import configure
configure(c, home="{folder}/zoe", allow_root=os.geteuid() == 0, service_url="http://{host}:{service}",
          environment={{"ZOE_CONFIG_FILE": "{folder}/zoe_config.py"}})
"""
_SPAWNER = """
c.JupyterHub.spawner_class = "zoe_hub.spawner.docker.ZoeDockerSpawner"
# As many processors as there are, as for DockerSpawner.
c.ZoeDockerSpawner.zoe_cpu_burst = 0
"""


def write_config(folder: Path, shop: Path | None = None) -> None:
    """Of a service whose clusters are containers."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "zoe_config.py").write_text(
        "c.ZoeConfig.engine = 'docker'\nc.ZoeDocker.pull_policy = 'never'\nc.ZoeDocker.cpu_burst = 0\n"
        "c.ZoeDocker.subnets = '10.226.0.0/16'\nc.ZoeConfig.cpus = 10000\nc.ZoeConfig.memory = '10 TiB'\n"
        + (f"c.ZoeConfig.folders = [{str(shop)!r}]\n" if shop else "")
    )


def with_servers(name: str, folder: Path, *, zoe: bool) -> str:
    """Lines of configuration of a hub whose servers are containers."""
    text = _SERVERS.format(hub=free_port(), name=name)
    return text + (with_zoe(folder, GATEWAY) + _SPAWNER if zoe else "")


def with_zoe(folder: Path, host: str = "127.0.0.1") -> str:
    """Lines of configuration by which clusters are containers."""
    return _ZOE.format(folder=folder, host=host, service=free_port())


@contextmanager
def network() -> Iterator[None]:
    """Of servers and hubs; what is left in it is removed with it."""
    client = docker.from_env()
    pool = docker.types.IPAMPool(subnet=SUBNET, gateway=GATEWAY)
    made = client.networks.create(NETWORK, driver="bridge", ipam=docker.types.IPAMConfig(pool_configs=[pool]))
    try:
        yield
    finally:
        for container in client.containers.list(all=True, filters={"network": NETWORK}):
            container.remove(force=True)
        made.remove()
        client.close()


def lacks(*images: str) -> bool:
    """Whether the engine that DOCKER_HOST names is missing, or has not these images; says so."""
    try:
        client = docker.from_env()
        for image in images:
            client.images.get(image)
    except docker.errors.ImageNotFound:
        say(f"The engine lacks one of {', '.join(images)}: `make images` builds them.")
        return True
    except docker.errors.DockerException as error:
        say(f"There is no Docker engine: {error}")
        return True
    return False
