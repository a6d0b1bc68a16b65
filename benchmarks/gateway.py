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
from pathlib import Path

from dask_gateway import Gateway

# The names of Dask's commands changed: dask-gateway's defaults are those of earlier versions.
CONFIGURATION = """
c.DaskGateway.backend_class = "dask_gateway_server.backends.local.UnsafeLocalBackend"
c.DaskGateway.address = "127.0.0.1:{port}"
c.Proxy.address = "127.0.0.1:{public}"
c.UnsafeLocalBackend.clusters_directory = "{folder}/clusters"
c.UnsafeLocalBackend.db_url = "sqlite:///{folder}/gateway.sqlite"
c.UnsafeLocalBackend.db_debug = False
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


def attach(gateway: Gateway) -> float:
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
    while gateway.list_clusters():
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
            gateway = connect(f"http://127.0.0.1:{public}")
            print("ready", flush=True)
            for _ in sys.stdin:
                print(attach(gateway), flush=True)
            gateway.close()
        finally:
            server.terminate()
            server.wait()


def connect(address: str, timeout: float = 60) -> Gateway:
    """A client of the server, once it answers."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            gateway = Gateway(address, auth="basic")
            gateway.list_clusters()
        except Exception:
            # Many kinds of error while it starts; the last one tells what is wrong.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return gateway


if __name__ == "__main__":
    main(Path(sys.argv[1]))
