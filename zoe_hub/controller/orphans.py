"""Ends what is tied to a user server that is gone, also where nobody said so."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from ..model.errors import Conflict, UnknownName
from ..model.execution import Attachment, DesiredState, Execution
from ..store.base import Store
from .executions import LiveExecutions
from .patience import repeatedly

log = logging.getLogger(__name__)

_BY = "the end of its notebook server"


class Servers(Protocol):
    """Knows which user servers there are."""

    async def of(self, user: str) -> Collection[str]:
        """A user's servers that run, start or stop, as ``user/`` or ``user/name``.

        Raises UnknownName where there is no such user, and ServiceUnavailable when it cannot be known now.
        """


class Orphans:
    """Asks again and again whether servers that something is tied to are there. One per database.

    What is not there at every look of `patience` seconds is gone: a look without an answer begins them anew.
    """

    def __init__(
        self,
        store: Store,
        servers: Servers,
        *,
        executions: LiveExecutions | None = None,
        interval: float = 60.0,
        patience: float = 180.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._executions = executions or LiveExecutions(store)
        self._servers = servers
        self._interval = interval
        self._patience = patience
        self._clock = clock
        self._missing: dict[str, float] = {}

    async def run(self) -> None:
        """Go on until cancelled. Raises StaleLease when another leads."""
        await repeatedly(self.round, "Nobody looks just now for servers that are gone", every=self._interval)

    async def round(self) -> None:
        """Ask for the servers of every user who has something running. Raises ServiceUnavailable."""
        before, missing = self._missing, dict[str, float]()
        self._missing = {}
        await self._executions.refresh()
        for owner, executions in _by_owner(self._executions.all()).items():
            try:
                there: Collection[str] | None = await self._servers.of(owner)
            except UnknownName:
                there = None
            for execution in executions:
                attachment = execution.attachment
                if there is not None and (attachment is None or attachment.server in there):
                    continue
                since = before.get(execution.id, self._clock())
                missing[execution.id] = since
                if self._clock() - since >= self._patience:
                    await self._end(execution, attachment, known_user=there is not None)
        self._missing = missing

    async def _end(self, execution: Execution, attachment: Attachment | None, *, known_user: bool) -> None:
        try:
            if not known_user:
                await self._store.terminate(execution.id, by="the end of its owner's account")
            elif attachment is not None and attachment.outlive:
                await self._store.attach(execution.id, None)
            elif attachment is not None:
                # Without the kernel: it may have been attached from another one meanwhile, of the same lost server.
                server = Attachment(server=attachment.server)
                await self._store.end_tied(execution.id, server, by=_BY, reason="its notebook server is gone")
        # One that ends of itself meanwhile, which may take long, lets go of nothing any more.
        except (Conflict, UnknownName):
            return
        log.info("Execution %s of %s: the Hub knows its server no more", execution.id, execution.owner)


def _by_owner(executions: Sequence[Execution]) -> Mapping[str, Sequence[Execution]]:
    found: dict[str, list[Execution]] = defaultdict(list)
    for execution in executions:
        if execution.desired is DesiredState.RUNNING:
            found[execution.owner].append(execution)
    return found
