"""Request → first result of a Dask cluster with two workers: Zoe against dask-gateway's local back end."""

from __future__ import annotations

import importlib.metadata
import itertools
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hubs import Hub, home
from kernel import Kernel
from report import Result, alternate, end_on_signals, say, show

GOAL = 1.0
GATEWAY = "2026.3.0"


def measure(kernel: Kernel, folder: Path) -> list[Result]:
    """The results of all rounds."""
    rounds = itertools.count()

    def by_gateway() -> float:
        # A server of its own for each round, not counted: one that has served three clusters was seen to hang.
        with gateway(folder / f"gateway-{next(rounds)}") as attach_once:
            return attach_once()

    medians = alternate({"dask-gateway": by_gateway, "Zoe (Dask)": lambda: attach(kernel)})
    return [Result("attach dask: against dask-gateway", medians["Zoe (Dask)"], medians["dask-gateway"], GOAL)]


def attach(kernel: Kernel) -> float:
    """Seconds from the request to the first result with both workers."""
    begin = time.perf_counter()
    with kernel.attached("dask", workers=2, memory="1 GiB") as (names, _):
        client = names["client"]
        client.wait_for_workers(2)
        assert client.submit(sum, [1, 2]).result() == 3
        return time.perf_counter() - begin


@contextmanager
def gateway(folder: Path) -> Iterator[Callable[[], float]]:
    """A function that runs one round of dask-gateway, whose server runs meanwhile."""
    folder.mkdir(parents=True)
    child = subprocess.Popen(
        [str(environment()), str(Path(__file__).with_name("gateway.py")), str(folder / "server")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(folder / "gateway-client.log").open("wb"),
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None

    def answer() -> str:
        assert child.stdout is not None
        line = child.stdout.readline().strip()
        if not line:
            raise RuntimeError((folder / "gateway-client.log").read_text()[-2000:])
        return line

    def round_() -> float:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
        return float(answer())

    try:
        assert answer() == "ready"
        yield round_
    finally:
        child.stdin.close()
        try:
            child.wait(timeout=60)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def environment() -> Path:
    """The Python of an environment with dask-gateway and the same Dask as ours, made at the first call."""
    dask = importlib.metadata.version("distributed")
    folder = home() / "cache" / "benchmarks" / f"dask-gateway-{GATEWAY}-dask-{dask}"
    python = folder / "bin" / "python"
    done = folder / "complete"
    if not done.exists():
        say(f"Making an environment with dask-gateway {GATEWAY} and Dask {dask} ...")
        venv.create(folder, with_pip=True, clear=True)
        wanted = [f"dask-gateway-server[local]=={GATEWAY}", f"dask-gateway=={GATEWAY}"]
        same = [f"{name}=={importlib.metadata.version(name)}" for name in ("dask", "distributed", "bokeh", "tornado")]
        quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
        subprocess.run([str(python), "-m", "pip", "install", *quiet, *wanted, *same], check=True, stdout=sys.stderr)
        done.touch()
    return python


def main() -> int:
    """Run the benchmark alone; the exit status."""
    end_on_signals()
    with tempfile.TemporaryDirectory(prefix="zoe-bench-") as name:
        say("Starting a hub ...")
        with Hub(Path(name, "hub"), zoe=True) as hub, Kernel(hub, "alice") as kernel:
            results = measure(kernel, Path(name))
    return show(results)


if __name__ == "__main__":
    sys.exit(main())
