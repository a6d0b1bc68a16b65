"""Which of several services on one database leads: it runs the back end and the controller, the others stand by.

A service that loses the lease stops leading at once and stands by, without exiting. That it has lost it, it is
told by the database, or concludes from its own clock when the database does not answer. What it does before it
notices is refused: by the database and by the engine, which know the lease's number.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import secrets
import signal
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from typing import Literal

from ..backends.local.identity import ProcessIdentity, boot_id, read_stat
from ..model.errors import ServiceUnavailable, StaleLease
from ..store.base import Lease, Store

log = logging.getLogger(__name__)

Role = Literal["open", "standby"]

_MARGIN = 0.2
"""Part of the lease's time that is left to stop leading before another may begin."""
_ASK_EVERY = 0.5
"""Seconds between two questions of who stands by."""
_RETRY = 0.2
"""Seconds between attempts to renew while the database is away."""
_ABANDONED = 60.0
"""Seconds by this machine's clock after which a lease that nobody renewed is over; twice a lease's, if that is longer.
The database's clock may have been set back since the end was written down: that can be an hour away."""
_STOP_WITHIN = 30.0
"""Seconds for letting go of everything. A service that cannot must not stay."""


def now() -> float:
    """Seconds of a clock that goes on while the machine, or this process, is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Leadership:
    """Tries to lead, and while it does, runs `lead`.

    `lead` is given the lease, and runs until it is cancelled. What it raises ends the service; StaleLease only
    its leading. `seconds` is how long a lease lasts, `renewal` the time between two renewals. A database in a
    file stays locked for everybody while a service that was stopped in the middle of a write exists: with
    `end_stopped`, one of this machine is killed when its lease has expired.
    """

    def __init__(
        self,
        store: Store,
        lead: Callable[[Lease], Awaitable[None]],
        *,
        seconds: float = 5.0,
        renewal: float = 1.5,
        end_stopped: bool = False,
    ) -> None:
        self._store = store
        self._lead = lead
        self._seconds = seconds
        self._renewal = renewal
        self._end_stopped = end_stopped
        self.role: Role = "standby"

    async def run(self) -> None:
        """Go on until cancelled. Leadership is given up at the end, so that another service takes it at once."""
        while True:
            holder = _new_holder()
            asked, lease = await self._until_leading(holder)
            try:
                await self._term(asked, lease)
            finally:
                self.role = "standby"
                await self._release(lease)

    async def _until_leading(self, holder: str) -> tuple[float, Lease]:
        told = False
        seen: Lease | None = None
        since = now()
        while True:
            asked = now()
            abandoned = seen if asked - since >= max(_ABANDONED, 2 * self._seconds) else None
            try:
                lease = await self._acquire(holder, self._renewal, abandoned)
            except ServiceUnavailable as error:
                log.warning("Zoe stands by, and cannot ask whether it may lead: %s", error)
                if self._end_stopped:
                    await self._end_who_is_stopped()
                lease = None
            else:
                if lease is None and (leads := await self._who_leads()) != seen:
                    seen, since = leads, now()
            if lease is not None:
                log.info("This service leads, with the number %d", lease.number)
                return asked, lease
            if not told:
                log.info("This service stands by: another one leads")
                told = True
            await asyncio.sleep(_ASK_EVERY)

    async def _term(self, asked: float, lease: Lease) -> None:
        """Lead until the lease is lost. Raises what ends the leading for another reason."""
        leading = asyncio.ensure_future(self._lead(lease))
        renewing = asyncio.ensure_future(self._renew(asked, lease))
        self.role = "open"
        try:
            await asyncio.wait({leading, renewing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.role = "standby"
            leading.cancel()
            renewing.cancel()
            await _all_done({leading, renewing})
        for task in (leading, renewing):
            if not task.cancelled() and (error := task.exception()) is not None:
                if not isinstance(error, StaleLease):
                    raise error
                log.warning("This service stands by: %s", error)

    async def _renew(self, asked: float, lease: Lease) -> None:
        """Return when the lease is lost, or may be."""
        pause = self._renewal
        while True:
            left = asked + self._seconds * (1 - _MARGIN) - now()
            if left <= 0:
                log.warning("This service stands by: the lease could not be renewed in time")
                return
            await asyncio.sleep(min(pause, left))
            asked_now = now()
            try:
                renewed = await self._acquire(lease.holder, max(0.1, asked + self._seconds * (1 - _MARGIN) - now()))
            except ServiceUnavailable as error:
                log.warning("The lease could not be renewed: %s", error)
                pause = _RETRY
                continue
            if renewed is None or renewed.number != lease.number:
                log.warning("This service stands by: another one has taken the lead")
                return
            asked, pause = asked_now, self._renewal

    async def _acquire(self, holder: str, patience: float, abandoned: Lease | None = None) -> Lease | None:
        """Raises ServiceUnavailable also when the database does not answer within `patience` seconds."""
        asking = asyncio.ensure_future(self._store.acquire(holder, self._seconds, abandoned=abandoned))
        try:
            # Not asyncio.wait_for: before Python 3.12 it can lose a cancellation.
            await asyncio.wait({asking}, timeout=patience)
            if not asking.done():
                raise ServiceUnavailable(f"Zoe's database did not answer within {patience:.1f} seconds.")
            return asking.result()
        finally:
            asking.cancel()

    async def _release(self, lease: Lease) -> None:
        releasing = asyncio.ensure_future(self._store.release(lease))
        await asyncio.wait({releasing}, timeout=self._renewal)
        if not releasing.done():
            releasing.cancel()
            log.warning("The lease could not be given up; another service leads when it has expired")
        elif (error := releasing.exception()) is not None:
            log.warning("The lease could not be given up: %s", error)

    async def _who_leads(self) -> Lease | None:
        """The lease as it is stored; None also when that cannot be known now."""
        looking = asyncio.ensure_future(self._store.leader())
        try:
            await asyncio.wait({looking}, timeout=self._seconds)
            return looking.result() if looking.done() and looking.exception() is None else None
        finally:
            looking.cancel()

    async def _end_who_is_stopped(self) -> None:
        """Kill a leader of this machine that was stopped, perhaps while it held a lock that only its end can open."""
        lease = await self._who_leads()
        if lease is None or lease.expires > datetime.now(timezone.utc):
            return
        process = _process_of(lease.holder)
        stat = read_stat(process.pid) if process is not None and process.is_alive() else None
        if process is not None and stat is not None and stat.state in "Tt":
            log.error(
                "The service that led (process %d) is stopped and keeps the database locked: it is killed", stat.pid
            )
            process.send(signal.SIGKILL)


async def _all_done(tasks: set[asyncio.Future[None]]) -> None:
    _, waiting = await asyncio.wait(tasks, timeout=_STOP_WITHIN)
    if waiting:
        raise ServiceUnavailable("This service cannot let go of what it led, and ends; another one goes on.")


def _new_holder() -> str:
    """Who this is: of each term another, so that each has a number of its own."""
    stat = read_stat(os.getpid())
    start = stat.start if stat is not None else 0
    return f"{boot_id()} {os.getpid()} {start} {platform.node()} {secrets.token_hex(4)}"


def _process_of(holder: str) -> ProcessIdentity | None:
    """The process that holds a lease; None where the text does not say it."""
    try:
        return ProcessIdentity.parse(" ".join(holder.split()[:3]))
    except ValueError:
        return None
