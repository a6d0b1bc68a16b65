"""The end of `pip install` → the first result of Spark in a notebook of `jupyter lab`, on a machine without a Hub.

The wheel is built from this checkout and installed into an environment of its own; nothing was prepared, and no setting
is made. Whether pip was fast says nothing about Zoe, and is not part of it.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from hubs import CHECKOUT
from processes import HOST, Processes, free_port
from report import Figure, end_on_signals, say, show, wait_until

from tests.road.lab import open_notebook
from tests.zoe_server_ext.embedded import end

GOAL = 120.0
TOKEN = "a-token-of-the-benchmark"
ATTACH = 'from zoe_widgets import Zoe\ncluster = Zoe().attach("spark", workers=2)'
ASK = "print(spark.range(100).selectExpr('sum(id)').collect()[0][0])"
ANSWER = "4950"


def install(folder: Path) -> Path:
    """An environment with the wheel, JupyterLab and Spark; the folder of its programs."""
    quietly(sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(CHECKOUT))
    (wheel,) = folder.glob("*.whl")
    programs = folder / "environment" / "bin"
    quietly(sys.executable, "-m", "venv", str(programs.parent))
    begin = time.perf_counter()
    quietly(str(programs / "python"), "-m", "pip", "install", "--quiet", f"{wheel}[lab,spark]")
    say(f"  pip took {time.perf_counter() - begin:.0f} s")
    return programs


def quietly(*command: str) -> None:
    """Run; what it says goes where progress goes. Raises CalledProcessError."""
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)


def environment(folder: Path, programs: Path) -> dict[str, str]:
    """That of a user who has just made this account."""
    known = {key: value for key, value in os.environ.items() if key in ("LANG", "JAVA_HOME", "TMPDIR")}
    path = f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**known, "PATH": path, "HOME": str(folder), "JUPYTER_TOKEN": TOKEN}


async def cells(url: str, begin: float) -> tuple[float, float]:
    """Seconds from `begin` to the first result, and from the cell that attaches again to its result."""
    async with open_notebook(url, TOKEN) as notebook:
        await notebook.run(ATTACH, timeout=GOAL * 5)
        found = await notebook.run(ASK)
        first = time.perf_counter() - begin
        # Before it stands how far the query was.
        if found.text.split()[-1:] != [ANSWER]:
            raise ValueError(f"Spark says {found.text!r}, and {ANSWER} would be right.")
        await notebook.run("cluster.terminate()")
        begin = time.perf_counter()
        await notebook.run(ATTACH)
        await notebook.run(ASK)
        again = time.perf_counter() - begin
        await notebook.run("cluster.terminate()")
        return first, again


def measure(folder: Path) -> list[Figure]:
    """Install, start JupyterLab, attach."""
    programs = install(folder)
    home = folder / "home"
    home.mkdir()
    port = free_port()
    url = f"http://{HOST}:{port}/"
    command = [str(programs / "jupyter"), "lab", "--no-browser", f"--port={port}", "--ServerApp.port_retries=0"]
    with Processes(folder / "lab.log", inherit=False) as processes:
        begin = time.perf_counter()
        allowed = ["--allow-root"] if os.geteuid() == 0 else []
        lab = processes.start([*command, *allowed], environment(home, programs), cwd=home)
        try:
            wait_until(lambda: lab.poll() is not None or answers(f"{url}lab"), "JupyterLab")
            say(f"  JupyterLab answers after {time.perf_counter() - begin:.1f} s")
            first, again = asyncio.run(cells(url, begin))
        except BaseException:
            say((folder / "lab.log").read_text(errors="replace")[-3000:])
            raise
        finally:
            processes.end()
            for service in (home / ".local" / "share" / "jupyter" / "zoe").glob("*"):
                end(service)
    say(f"  a second cluster gives a result after {again:.1f} s")
    return [Figure("embedded: from the end of pip to the first result of Spark", first, GOAL, "s")]


def answers(url: str) -> bool:
    """Whether the page can be had."""
    try:
        return httpx.get(url, headers={"Authorization": f"token {TOKEN}"}, timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False


def main() -> int:
    """Run the benchmark; the exit status."""
    end_on_signals()
    with tempfile.TemporaryDirectory(prefix="zoe-bench-") as name:
        return show(measure(Path(name)))


if __name__ == "__main__":
    sys.exit(main())
