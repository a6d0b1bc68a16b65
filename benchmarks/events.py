"""From a change to a subscriber's event, with 1,000 live executions: first few subscribers, then 1,000."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from processes import free_port
from report import Figure, end_on_signals, say, show, wait_until
from service import TOKEN, Service, fill, running

LIVE = 1000
CHANGES = int(os.environ.get("ZOE_BENCH_CHANGES", "200"))
GOAL = 100.0
"""Milliseconds for 99 of 100 events."""
EVERYBODY = 1000


async def subscribe(service: Service, delays: list[float], ready: asyncio.Semaphore, expected: int) -> None:
    """Follow all events until `expected` have come; their delays in milliseconds, by the clock of this machine.

    On a bare connection: a thousand full HTTP clients in one process would measure themselves.
    """
    where = urlsplit(service.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    request = (
        f"GET {where.path}api/v1/events?owner=* HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: token {TOKEN}\r\n"
    )
    writer.write(f"{request}\r\n".encode())
    seen: list[int] = []
    while len(seen) < expected:
        line = await reader.readline()
        if not line:
            raise ConnectionError("A stream ended early.")
        if line.startswith(b": alive") and not seen:
            ready.release()
        if line.startswith(b"data: "):
            now = time.time()
            event = json.loads(line[6:])
            seen.append(event["seq"])
            delays.append(1000 * (now - datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()))
    writer.close()
    assert seen == list(range(seen[0], seen[0] + expected)), "events were lost, doubled or out of order"


async def measure(service: Service, subscribers: int, changes: int) -> list[float]:
    """Delays of all events of so many changes, at all subscribers."""
    ready, delays = asyncio.Semaphore(0), list[float]()
    tasks = [asyncio.create_task(subscribe(service, delays, ready, changes)) for _ in range(subscribers)]
    for _ in range(subscribers):
        await ready.acquire()
    headers = {"Authorization": f"token {TOKEN}"}
    async with httpx.AsyncClient(base_url=f"{service.url}api/v1", headers=headers, timeout=60, trust_env=False) as http:
        running = (await http.get("/executions", params={"live": "true", "owner": "*"})).json()["executions"]
        for number in range(changes):
            # Tied and let go in turn: one event each, and nothing that the engine or the scheduler would answer with.
            one = running[number // 2 % len(running)]
            place = f"/executions/{one['id']}/attachment"
            if number % 2:
                answer = await http.delete(place)
            else:
                answer = await http.put(place, json={"server": f"{one['owner']}/"})
            answer.raise_for_status()
            await asyncio.sleep(0.2 if subscribers == EVERYBODY else 0.01)
    await asyncio.gather(*tasks)
    return delays


def main() -> int:
    """Run the benchmark; the exit status."""
    end_on_signals()
    results = []
    with tempfile.TemporaryDirectory(prefix="zoe-bench-") as name:
        home = Path(name)
        (home / "data").mkdir()
        say(f"{LIVE} live executions ...")
        asyncio.run(fill(home / "data" / "zoe.sqlite", live=LIVE))
        with running(home, free_port()) as service:
            wait_until(lambda: service.states().count("running") == LIVE, "The last of the executions", pause=1)
            for subscribers, changes in ((10, CHANGES), (EVERYBODY, CHANGES // 10)):
                delays = asyncio.run(measure(service, subscribers, changes))
                percentile = statistics.quantiles(delays, n=100)[98]
                say(f"  {subscribers} subscribers: median {statistics.median(delays):.1f} ms, p99 {percentile:.1f} ms")
                # The many are there to lose nothing: their client, one process, is slower than the service.
                goal = GOAL if subscribers < EVERYBODY else 1000.0
                title = f"change to event, {subscribers} subscribers, {LIVE} live, p99"
                results.append(Figure(title, percentile, goal, "ms"))
    return show(results)


if __name__ == "__main__":
    sys.exit(main())
