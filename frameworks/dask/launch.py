"""Starts one part of a Dask cluster: ``launch.py scheduler|worker FOLDER``.

The folder holds ``settings.json``, the cluster's certificate ``tls.crt`` with its key ``tls.key``, and
for the scheduler ``ui.token``. Whoever holds the certificate is trusted, nobody else is spoken to.

SIGTERM ends at once. SIGPWR (workers) hands over the data first.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

try:
    import dask
    import psutil
    from distributed import Scheduler, Security, Worker
except ModuleNotFoundError as error:
    print(
        f"Dask is not installed here ({error}). Type: {sys.executable} -m pip install 'zoe-jupyter[dask]'", flush=True
    )
    # Another start would fail as well (EX_CONFIG).
    sys.exit(78)

log = logging.getLogger("zoe.dask")

DRAIN_PATIENCE = 60.0
"""Seconds that running tasks have to finish when their worker is taken away; longer ones start again elsewhere."""

LOOK_EVERY = 0.05
"""Seconds between two looks for a scheduler that starts beside its workers."""

MEMORY_LIMIT_FRACTION = 0.95
MEMORY_CHECK_INTERVAL = 0.2

CONFIGURATION = {
    # Without Dask's own proxy, which would carry a visitor on to any address.
    "distributed.scheduler.http.routes": [
        "distributed.http.scheduler.prometheus",
        "distributed.http.scheduler.info",
        "distributed.http.scheduler.json",
        "distributed.http.health",
        "distributed.http.statics",
    ],
    "distributed.comm.require-encryption": True,
    "distributed.worker.memory.terminate": MEMORY_LIMIT_FRACTION,
}


class QuietWorker(Worker):
    """A worker without an HTTP server: all that there is to see is on the scheduler's dashboard."""

    def start_http_server(self, *args: Any, **kwargs: Any) -> None:
        pass


class ProbeFilter(logging.Filter):
    """Drops the warning about a connection that was closed before it said a word, as readiness checks do."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        return "TLS handshake failed" not in text or not ("EOF" in text or "Stream is closed" in text)


def security(folder: Path) -> Security:
    """The same certificate is authority, server and client."""
    certificate, key = str(folder / "tls.crt"), str(folder / "tls.key")
    return Security(  # type: ignore[no-untyped-call]
        require_encryption=True,
        tls_ca_file=certificate,
        tls_scheduler_cert=certificate,
        tls_scheduler_key=key,
        tls_worker_cert=certificate,
        tls_worker_key=key,
        tls_client_cert=certificate,
        tls_client_key=key,
    )


def on_signals(*numbers: signal.Signals) -> asyncio.Future[signal.Signals]:
    """Resolves with the first of these signals; later ones change nothing."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[signal.Signals] = loop.create_future()

    def arrive(number: signal.Signals) -> None:
        if not arrived.done():
            arrived.set_result(number)

    for number in numbers:
        loop.add_signal_handler(number, arrive, number)
    return arrived


async def run_scheduler(folder: Path, settings: dict[str, Any]) -> None:
    """Until a signal, or until a client shuts the cluster down."""
    # Isolated mode leaves the script's own folder out.
    sys.path.append(str(Path(__file__).resolve().parent))
    import zoe_door

    told = on_signals(signal.SIGTERM, signal.SIGINT)
    scheduler = Scheduler(
        host=settings["host"],
        port=settings["port"],
        protocol="tls",
        security=security(folder),
        dashboard=False,
        dashboard_address=f"{settings['host']}:{settings['dashboard']}",
    )
    zoe_door.install(scheduler, token=(folder / "ui.token").read_text().strip())
    await scheduler
    finished = asyncio.ensure_future(scheduler.finished())  # type: ignore[no-untyped-call]
    await asyncio.wait({told, finished}, return_when=asyncio.FIRST_COMPLETED)
    await scheduler.close(reason="asked to end")


async def run_worker(folder: Path, settings: dict[str, Any]) -> None:
    """Until a signal, until its memory is full, or until the scheduler sends it away.

    Raises MemoryError as `stop_at_memory_limit` does.
    """
    told = on_signals(signal.SIGTERM, signal.SIGINT)
    asked_to_drain = on_signals(signal.SIGPWR)
    worker = QuietWorker(
        settings["scheduler"],
        host=settings["host"],
        port=settings["port"],
        protocol="tls",
        nthreads=settings["threads"],
        memory_limit=settings["memory"],
        name=settings["name"],
        local_directory=str(folder),
        security=security(folder),
        dashboard=False,
    )
    reached = asyncio.ensure_future(until_reached(settings["scheduler"]))
    await asyncio.wait({told, asked_to_drain, reached}, return_when=asyncio.FIRST_COMPLETED)
    if not reached.done():
        # It has nothing yet that anybody would miss.
        reached.cancel()
        return
    await worker
    ready = await asyncio.start_server(lambda _, writer: writer.close(), settings["host"], settings["ready"])
    memory = asyncio.ensure_future(stop_at_memory_limit(settings["memory"]))
    finished = asyncio.ensure_future(worker.finished())  # type: ignore[no-untyped-call]
    await asyncio.wait({told, asked_to_drain, finished, memory}, return_when=asyncio.FIRST_COMPLETED)
    if asked_to_drain.done() and not told.done():
        draining = asyncio.ensure_future(drain(worker))
        await asyncio.wait({told, finished, draining, memory}, return_when=asyncio.FIRST_COMPLETED)
    ready.close()
    if memory.done():
        memory.result()
    if told.done() or not worker.status.name.startswith("clos"):
        await asyncio.wait_for(worker.close(executor_wait=False, reason="asked to end"), timeout=2)


async def until_reached(scheduler: str) -> None:
    """Until somebody listens at ``tls://HOST:PORT``. Dask itself would ask at ever longer intervals."""
    host, _, port = scheduler.partition("://")[2].rpartition(":")
    while True:
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(host.strip("[]"), int(port)), 1)
        # Two classes until Python 3.11.
        except (OSError, TimeoutError, asyncio.TimeoutError):
            await asyncio.sleep(LOOK_EVERY)
        else:
            writer.close()
            return


async def drain(worker: Worker) -> None:
    """Give the data to the other workers, let running tasks end, and leave.

    On the last worker there is nobody to take the data: it leaves all the same.
    """
    loop = asyncio.get_running_loop()
    log.info("Handing over data and leaving")
    await worker.scheduler.retire_workers(
        workers=[worker.address], close_workers=False, remove=False, stimulus_id="zoe-drain-begin"
    )
    deadline = loop.time() + DRAIN_PATIENCE
    while worker.state.all_running_tasks and loop.time() < deadline:  # noqa: ASYNC110 - Dask has no event for it
        await asyncio.sleep(0.05)
    # What those tasks made is moved now, and the scheduler forgets the worker.
    await worker.scheduler.retire_workers(
        workers=[worker.address], close_workers=False, remove=True, stimulus_id="zoe-drain-end"
    )
    await worker.close(executor_wait=False, reason="scaled down")


async def stop_at_memory_limit(limit: int) -> None:
    """Raises MemoryError when this process has taken nearly all of its memory; the back end starts it again.

    Dask leaves this to a parent process of each worker, which would cost memory and time at every start.
    """
    process = psutil.Process()
    while process.memory_info().rss < limit * MEMORY_LIMIT_FRACTION:  # noqa: ASYNC110 - nothing tells of memory
        await asyncio.sleep(MEMORY_CHECK_INTERVAL)
    raise MemoryError(f"the worker reached {MEMORY_LIMIT_FRACTION:.0%} of its memory, which is {limit / 2**20:.0f} MiB")


def main(role: str, folder: Path) -> int:
    """Run until told to end; the exit status."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO, stream=sys.stderr)
    logging.getLogger("distributed.comm.tcp").addFilter(ProbeFilter())
    settings = json.loads((folder / "settings.json").read_text())
    dask.config.set(CONFIGURATION)
    dask.config.set({"temporary-directory": str(folder)})
    # Not asyncio.run: at its end it waits for what is still running, such as a user's task.
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete({"scheduler": run_scheduler, "worker": run_worker}[role](folder, settings))
    except MemoryError as error:
        log.error("Restarting: %s", error)
        return 1
    # Two classes until Python 3.11.
    except (TimeoutError, asyncio.TimeoutError):
        log.warning("Some work did not end in time and was left behind")
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1], Path(sys.argv[2]))
    logging.shutdown()
    # A task that never ends must not keep the process.
    os._exit(status)
