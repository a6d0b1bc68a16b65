"""What the service costs with many containers: their start against a shell script's, and its memory and processor."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import docker
import psutil
from containers_hub import DASK, lacks, with_zoe, write_config
from hubs import Hub
from kernel import Kernel
from report import Figure, Result, end_on_signals, say, show

COUNT = int(os.environ.get("ZOE_BENCH_CONTAINERS", "200"))
WATCHED = 20.0
"""Seconds for which the service is watched while nothing happens."""
FRAMEWORK = f"""
apiVersion: zoe/v1
kind: Framework
name: sleepers
title: Sleepers
options: [{{name: workers, type: integer, default: 1, scales: true}}]
processes:
  - name: worker
    image: {DASK}
    command: [sleep, "100000"]
    instances: {{core: "{{{{ workers }}}}"}}
    resources: {{cpu: 0.01, memory: 16 MiB}}
    shutdown: {{signal: SIGKILL, grace: 1}}
client: {{module: client.py, connection: {{}}}}
"""
ZAPP = """
apiVersion: zoe/v1
kind: ZApp
name: sleepers
title: Sleepers
parameters: [{name: workers, type: integer, default: 1, scales: true}]
frameworks: [{framework: sleepers, options: {workers: "{{ workers }}"}}]
"""
CLIENT = "def connect(connection):\n    return {}\n\ndef disconnect(names):\n    pass\n"
SCRIPT = f"""
set -e
docker network create zoe-bench-crowd --subnet 10.227.0.0/22 >/dev/null
for number in $(seq {COUNT}); do
  docker run -d --init --cap-drop ALL --security-opt no-new-privileges --read-only --tmpfs /tmp --user 1000:100 \\
    --network zoe-bench-crowd --label zoe-bench=crowd --memory 16m --cpu-shares 10 -v /zoe \\
    {DASK} sleep 100000 >/dev/null
done
"""


def by_hand() -> float:
    """Seconds until a script has started so many; they are gone afterwards."""
    begin = time.perf_counter()
    try:
        subprocess.run(["sh", "-c", SCRIPT], check=True)
        return time.perf_counter() - begin
    finally:
        client = docker.from_env()
        for container in client.containers.list(all=True, filters={"label": "zoe-bench=crowd"}):
            container.remove(force=True, v=True)
        client.networks.get("zoe-bench-crowd").remove()


def service_of(folder: Path) -> psutil.Process:
    """The service whose home is in the folder."""
    for process in psutil.process_iter():
        try:
            if process.cmdline()[1:3] == ["-m", "zoe_hub"] and str(folder) in process.environ().get("ZOE_HOME", ""):
                return process
        except psutil.Error:
            continue
    raise LookupError("the service does not run")


def main() -> int:
    """Run the benchmark; the exit status."""
    end_on_signals()
    if lacks(DASK):
        return 2
    with tempfile.TemporaryDirectory(prefix="zoe-bench-") as name:
        folder, shop = Path(name, "hub"), Path(name, "shop")
        for path, text in (("sleepers/framework.yaml", FRAMEWORK), ("sleepers/client.py", CLIENT),
                           ("zapps/sleepers.yaml", ZAPP)):  # fmt: skip
            (shop / path).parent.mkdir(parents=True, exist_ok=True)
            (shop / path).write_text(text)
        write_config(folder, shop)
        say(f"Starting {COUNT} containers by a script ...")
        script = by_hand()
        say(f"  {script:.1f} s. By Zoe ...")
        with Hub(folder, zoe=True, settings=with_zoe(folder)) as hub, Kernel(hub, "alice") as kernel:
            begin = time.perf_counter()
            with kernel.attached("sleepers", workers=COUNT) as (_, workers):
                workers(COUNT)
                zoe = time.perf_counter() - begin
                say(f"  {zoe:.1f} s. Watching the service for {WATCHED:g} s ...")
                service = service_of(folder)
                # What it still has to write down about the start is no part of standing still.
                time.sleep(5)
                before = service.cpu_times()
                time.sleep(WATCHED)
                after = service.cpu_times()
                memory = service.memory_info().rss / 2**20
    busy = (after.user + after.system - before.user - before.system) / WATCHED * 100
    return show(
        [
            Result(f"start of {COUNT} containers, against a script", zoe, script, 1.10),
            Figure(f"service with {COUNT} containers: memory", memory, 250, "MiB"),
            Figure(f"service with {COUNT} containers: processor while nothing happens", busy, 5, "%"),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
