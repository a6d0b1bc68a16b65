"""Seconds until the other of two services leads, after the first was ended, killed, stopped, or cut off."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from report import Figure, say, show
from sqlalchemy import create_engine, make_url, text

from scripts import postgresql
from tests.app.cut import Wire
from tests.app.pair import Member, Pair, pair, until
from zoe_hub.config import ZoeConfig

GOAL = 10.0
ROUNDS = int(os.environ.get("ZOE_BENCH_ROUNDS", "3"))
EXECUTIONS = 8


async def failover(both: Pair, disturb: Callable[[], object]) -> tuple[float, float]:
    """Seconds until the other one leads, and until what was submitted meanwhile runs."""
    second = both.members[1]
    for number in range(EXECUTIONS):
        await both.submit(f"early-{number}")
    await both.until_states("running")
    if await _leads(second):
        raise RuntimeError("The lead changed before anything was done to it: the machine is too busy for measuring.")
    disturb()
    begun = time.monotonic()
    submitting = asyncio.create_task(both.submit("meanwhile"))
    await until(lambda: _leads(second), "the other one to lead")
    led = time.monotonic() - begun
    await submitting
    await both.until_states("running")
    return led, time.monotonic() - begun


async def _leads(member: Member) -> bool:
    # Its log says it at once; its page of readiness is a second old.
    return "This service leads" in member.service.log.read_text()


@asynccontextmanager
async def services(way: str, folder: Path, server: str) -> AsyncIterator[tuple[Pair, Callable[[], object]]]:
    """Two services and what to do to the first."""
    lease = float(ZoeConfig().lease)
    async with AsyncExitStack() as stack:
        kind, _, deed = way.partition(", ")
        direct = f"sqlite:///{folder}/zoe.sqlite" if kind == "SQLite" else _new_database(server)
        through, wire = direct, None
        if deed == "cut off":
            parsed = make_url(direct)
            wire = await stack.enter_async_context(
                Wire(f"{parsed.query['host']}/.s.PGSQL.{parsed.query.get('port', 5432)}")
            )
            through = parsed.set(host="127.0.0.1", port=wire.port, query={}).render_as_string(hide_password=False)
        both = await stack.enter_async_context(pair(folder, (through, direct), lease=lease))
        first = both.members[0].service
        deeds: dict[str, Callable[[], object]] = {
            "ended": lambda: first.signal(signal.SIGTERM),
            "killed": lambda: first.signal(signal.SIGKILL),
            "stopped": lambda: first.signal(signal.SIGSTOP),
            "cut off": wire.cut if wire else lambda: None,
        }
        yield both, deeds[deed]


def _new_database(server: str) -> str:
    name = f"zoe_{os.urandom(6).hex()}"
    url = make_url(server)
    engine = create_engine(url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return url.set(database=name, drivername="postgresql").render_as_string(hide_password=False)


async def measure(server: str) -> list[Figure]:
    ways = [f"{kind}, {deed}" for kind in ("SQLite", "PostgreSQL") for deed in ("ended", "killed", "stopped")]
    figures = []
    for way in [*ways, "PostgreSQL, cut off"]:
        seconds = []
        for number in range(ROUNDS):
            with tempfile.TemporaryDirectory(prefix="zoe-failover-") as folder:
                async with services(way, Path(folder), server) as (both, disturb):
                    led, ran = await failover(both, disturb)
            say(f"  round {number + 1}  {way:<22} leads after {led:5.2f} s, starts after {ran:5.2f} s")
            seconds.append(led)
        figures.append(Figure(way, max(seconds), GOAL, "s"))
        say(f"  median   {way:<22} {statistics.median(seconds):5.2f} s")
    return figures


def main() -> int:
    with postgresql.running() as server:
        return show(asyncio.run(measure(server)))


if __name__ == "__main__":
    sys.exit(main())
