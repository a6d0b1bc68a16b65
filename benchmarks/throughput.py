"""Executions per second, from submission to ended, on an engine that does nothing."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from engine import DoNothingEngine
from report import Figure, say, show

from scripts import postgresql
from zoe_hub.composition import compose
from zoe_hub.controller.controller import Controller
from zoe_hub.garbage import collect_seldom
from zoe_hub.model.framework import Framework
from zoe_hub.model.plan import Plan
from zoe_hub.model.zapp import ZApp
from zoe_hub.secrets import Secrets
from zoe_hub.store.base import Store, Submission
from zoe_hub.store.sql import SQLStore

GOAL = 500.0
EXECUTIONS = int(os.environ.get("ZOE_BENCH_EXECUTIONS", "5000"))
SUBMITTERS = 50
USERS = 100
SAFE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
"""What tests do without."""


def job() -> Plan:
    """A batch job of one process."""
    framework = Framework.model_validate(
        {
            "apiVersion": "zoe/v1",
            "kind": "Framework",
            "name": "job",
            "title": "Job",
            "processes": [{"name": "work", "title": "Work", "command": ["true"], "restart": {"policy": "never"}}],
        }
    )
    zapp = ZApp.model_validate(
        {
            "apiVersion": "zoe/v1",
            "kind": "ZApp",
            "name": "job",
            "title": "Job",
            "category": "batch",
            "frameworks": [{"framework": "job"}],
        }
    )
    return compose(zapp, {}, {"job": framework})


async def rate(store: Store, key: Path) -> float:
    """Executions per second."""
    await store.open()
    engine = DoNothingEngine(ends=True)
    await engine.open()
    controller = Controller(store, engine, Secrets.load(key), prefix="/services/zoe/")
    running = asyncio.create_task(controller.run())
    plan = job()
    numbers: Iterator[int] = iter(range(EXECUTIONS))

    async def submit() -> None:
        for number in numbers:
            await store.submit(Submission(f"user{number % USERS}", plan, plan.parameters, idempotency_key=str(number)))

    begin, processor = time.perf_counter(), time.process_time()
    try:
        await asyncio.gather(*(submit() for _ in range(SUBMITTERS)))
        submitted = time.perf_counter()
        while await store.list(live=True, limit=1):
            if running.done():
                running.result()
            await asyncio.sleep(0.02)
        took = time.perf_counter() - begin
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    ended = await store.list(live=False)
    assert len(ended) == EXECUTIONS, f"{len(ended)} of {EXECUTIONS} ended"
    assert {execution.state.value for execution in ended} == {"completed"}
    say(
        f"  {EXECUTIONS} executions: stored after {submitted - begin:.1f} s, ended after {took:.1f} s, "
        f"{1000 * (time.process_time() - processor) / EXECUTIONS:.2f} ms of processor each"
    )
    await engine.close()
    await store.close()
    return EXECUTIONS / took


def main() -> int:
    """Run the benchmark; the exit status."""
    results = []
    collect_seldom()
    with tempfile.TemporaryDirectory(prefix="zoe-bench-") as name:
        say("SQLite on disk ...")
        store = SQLStore(f"sqlite:///{name}/zoe.sqlite")
        found = asyncio.run(rate(store, Path(name, "key")))
        results.append(Figure("executions from submission to ended, SQLite", found, GOAL, "1/s", at_least=True))
        say("PostgreSQL on this machine, which waits for its disk ...")
        with postgresql.running(SAFE) as url:
            found = asyncio.run(rate(SQLStore(url), Path(name, "key")))
            results.append(Figure("executions from submission to ended, PostgreSQL", found, GOAL, "1/s", at_least=True))
    return show(results)


if __name__ == "__main__":
    sys.exit(main())
