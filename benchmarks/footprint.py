"""Memory and idle processor of the service with 1,000 live executions, and its start with 10,000 stored ones."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from processes import free_port
from report import Figure, end_on_signals, say, show, wait_until
from service import fill, running

LIVE = 1000
STORED = 10_000
SETTLING = 45.0
"""Seconds after which everything that follows a start is over, the first look at every execution's life included."""
LOOKED_AT = 60.0
"""Seconds over which the idle service is watched."""


def idle(home: Path) -> list[Figure]:
    """The service after all its executions run and nothing happens any more."""
    say(f"{LIVE} live executions of 3 instances each ...")
    asyncio.run(fill(home / "data" / "zoe.sqlite", live=LIVE))
    with running(home, free_port()) as service:
        wait_until(lambda: service.states().count("running") == LIVE, "The last of the executions", pause=1)
        time.sleep(SETTLING)
        before = sum(service.process.cpu_times()[:2])
        time.sleep(LOOKED_AT)
        processor = 100 * (sum(service.process.cpu_times()[:2]) - before) / LOOKED_AT
        memory = service.process.memory_info().rss / 1e6
    return [
        Figure(f"memory at {LIVE} live executions", memory, 200, "MB"),
        Figure(f"idle processor at {LIVE} live executions", processor, 2, "%"),
    ]


def start(home: Path) -> list[Figure]:
    """From the start of the process until it says that it is ready."""
    say(f"{STORED} stored executions ...")
    asyncio.run(fill(home / "data" / "zoe.sqlite", ended=STORED))
    seconds = []
    for _ in range(3):
        begin = time.perf_counter()
        with running(home, free_port()):
            seconds.append(time.perf_counter() - begin)
    return [Figure(f"start with {STORED} stored executions", sorted(seconds)[1], 3, "s")]


def main() -> int:
    """Run the benchmark; the exit status."""
    end_on_signals()
    results = []
    for measure in (idle, start):
        with tempfile.TemporaryDirectory(prefix="zoe-bench-") as name:
            Path(name, "data").mkdir()
            results += measure(Path(name))
    return show(results)


if __name__ == "__main__":
    sys.exit(main())
