"""Request → first result of Dask with two workers in containers: Zoe against a script that starts the same ones."""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

from attach_dask import attach
from containers_hub import DASK, lacks, with_zoe, write_config
from hubs import Hub
from kernel import Kernel
from report import Result, alternate, end_on_signals, say, show

GOAL = 1.10
SCRIPT = f"""
set -e
name=$1
options=$2
run="docker run -d --init --cap-drop ALL --security-opt no-new-privileges --read-only --tmpfs /tmp --user 1000:100 \\
  --network $name --log-driver json-file -e HOME=/tmp -w /tmp"
docker network create "$name" >/dev/null
$run --name "$name-scheduler" --memory 512m {DASK} dask scheduler --port 8786 >/dev/null
for number in 0 1; do
  $run --name "$name-worker-$number" --memory 1300m {DASK} \\
    dask worker "tcp://$name-scheduler:8786" --nworkers 1 --nthreads 1 --memory-limit 1GiB $options >/dev/null
done
docker inspect -f '{{{{range .NetworkSettings.Networks}}}}{{{{.IPAddress}}}}{{{{end}}}}' "$name-scheduler"
"""
LEAN = "--no-nanny --no-dashboard"
"""As Zoe's workers are: one program in each container, and no page of its own."""
END = """
docker rm -f -v "$1-scheduler" "$1-worker-0" "$1-worker-1" >/dev/null 2>&1
docker network rm "$1" >/dev/null
"""


def by_hand(name: str, options: str = "") -> float:
    """Seconds from the script's start to the first result with both workers, which have these options."""
    from distributed import Client
    from distributed.versions import VersionMismatchWarning

    warnings.simplefilter("ignore", VersionMismatchWarning)

    begin = time.perf_counter()
    try:
        started = subprocess.run(["sh", "-c", SCRIPT, "sh", name, options], capture_output=True, text=True, check=True)
        with Client(f"tcp://{started.stdout.strip()}:8786", timeout=60) as client:
            client.wait_for_workers(2)
            assert client.submit(sum, [1, 2]).result() == 3
            return time.perf_counter() - begin
    finally:
        subprocess.run(["sh", "-c", END, "sh", name], check=False)


def main() -> int:
    """Run the benchmark; the exit status."""
    end_on_signals()
    if lacks(DASK):
        return 2
    names = (f"zoe-bench-{number}" for number in itertools.count())
    with tempfile.TemporaryDirectory(prefix="zoe-bench-") as name:
        folder = Path(name, "hub")
        write_config(folder)
        say("Starting a hub ...")
        with Hub(folder, zoe=True, settings=with_zoe(folder)) as hub, Kernel(hub, "alice") as kernel:
            medians = alternate(
                {
                    "by hand": lambda: by_hand(next(names)),
                    "by hand, lean": lambda: by_hand(next(names), LEAN),
                    "Zoe": lambda: attach(kernel),
                }
            )
    zoe = medians["Zoe"]
    return show(
        [
            Result("attach in containers: against a script, as Dask starts workers", zoe, medians["by hand"], GOAL),
            Result(
                "attach in containers: against a script, as Zoe starts workers", zoe, medians["by hand, lean"], GOAL
            ),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
