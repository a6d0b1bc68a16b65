"""dask-gateway with its local back end, measured from within its own environment: ``gateway.py FOLDER``.

Starts the server, then runs one round for every line on standard input and answers each with the seconds from
the request of a cluster to the first result and both workers. Ends with its input.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from dask_gateway import Gateway

# The names of Dask's commands changed: dask-gateway's defaults are those of earlier versions.
CONFIGURATION = """
c.DaskGateway.backend_class = "dask_gateway_server.backends.local.UnsafeLocalBackend"
c.DaskGateway.address = "127.0.0.1:{port}"
c.Proxy.address = "127.0.0.1:{public}"
c.UnsafeLocalBackend.clusters_directory = "{folder}/clusters"
c.UnsafeLocalBackend.stop_clusters_on_shutdown = True
c.ClusterConfig.scheduler_cmd = ["{bin}/dask", "scheduler"]
c.ClusterConfig.worker_cmd = ["{bin}/dask", "worker"]
c.ClusterConfig.worker_cores = 1
c.ClusterConfig.worker_memory = "1 G"
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    """Whether the server answers through its proxy, which listens earlier."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def attach(gateway: Gateway, clusters: Path) -> float:
    """One round; the cluster is gone afterwards."""
    begin = time.perf_counter()
    cluster = gateway.new_cluster()
    cluster.scale(2)
    client = cluster.get_client()
    client.wait_for_workers(2)
    assert client.submit(sum, [1, 2]).result() == 3
    took = time.perf_counter() - begin
    client.close()
    cluster.shutdown()
    # A cluster leaves the list before its processes end; they must not slow down whoever is measured next.
    deadline = time.monotonic() + 60
    while any(clusters.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return took


def main(folder: Path) -> None:
    folder.mkdir(parents=True)
    public = free_port()
    here = Path(sys.executable).parent
    config = folder / "dask_gateway_config.py"
    config.write_text(CONFIGURATION.format(port=free_port(), public=public, folder=folder, bin=here))
    with (folder / "gateway.log").open("wb") as log:
        environment = {**os.environ, "PATH": f"{here}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
        server = subprocess.Popen(
            [str(here / "dask-gateway-server"), "--config", str(config)],
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=log,
        )
        try:
            while not answers(public):
                if server.poll() is not None:
                    raise RuntimeError((folder / "gateway.log").read_text()[-2000:])
                time.sleep(0.1)
            gateway = Gateway(f"http://127.0.0.1:{public}", auth="basic")
            gateway.list_clusters()
            print("ready", flush=True)
            for _ in sys.stdin:
                print(attach(gateway, folder / "clusters"), flush=True)
            gateway.close()
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
