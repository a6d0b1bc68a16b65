"""What a spawner keeps in the Hub's database of the execution that its server is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from traitlets import Unicode

from ..client import ExecutionView
from ..model.commands import Report
from ..model.errors import ServiceUnavailable, ZoeError
from .settings import ZoeSettings
from .shop_page import PATIENCE
from .terminations import Terminations


class Remembering(ZoeSettings):
    """Keeps the execution, and those that are still to be ended, over a restart of the Hub."""

    _zoe_execution = Unicode()
    _zoe_process = Unicode(help="Key of the process that is the server.")
    _zoe_key = Unicode(help="Idempotency key of this spawn.")
    _zoe_started = False
    """Whether the start is over, so that the execution's end means the server's."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._zoe_terminations = Terminations(self._zoe_terminate)
        super().__init__(*args, **kwargs)

    def get_state(self) -> dict[str, Any]:
        """The parent's state with the execution, the key of this spawn, and what must still be ended."""
        state: dict[str, Any] = super().get_state()
        own = {
            "execution": self._zoe_execution,
            "process": self._zoe_process,
            "key": self._zoe_key,
            "owed": dict(self._zoe_terminations.owed),
        }
        if any(own.values()):
            state["zoe"] = own
        return state

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore after a restart of the Hub, and go on with what must still be ended."""
        super().load_state(state)
        own = state.get("zoe") or {}
        self._zoe_execution = own.get("execution", "")
        self._zoe_process = own.get("process", "")
        self._zoe_key = own.get("key", "")
        self._zoe_started = bool(self._zoe_execution)
        for execution, process in (own.get("owed") or {}).items():
            self._zoe_terminations.add(execution, process)
        self._zoe_terminations.settle_later()

    def clear_state(self) -> None:
        """Forget the server. Its execution is kept in mind until it is ended."""
        super().clear_state()
        self._zoe_release()

    def zoe_save_state(self) -> None:
        """Store the state in the Hub's database now.

        The Hub itself does so when the start is over: if it died before, nobody would know what was started.
        """
        database = getattr(self.user, "db", None)
        if database is not None:
            self.orm_spawner.state = self.get_state()
            database.commit()

    def _zoe_remember(self, view: ExecutionView, process: str) -> None:
        self._zoe_execution = view.id
        self._zoe_process = process
        self.zoe_save_state()

    def _zoe_release(self) -> None:
        if self._zoe_execution:
            self._zoe_terminations.add(self._zoe_execution, self._zoe_process)
        self._zoe_started = False
        self._zoe_execution = self._zoe_process = self._zoe_key = ""

    async def _zoe_terminate(self, execution: str, process: str) -> None:
        async with self.zoe_client(PATIENCE) as client:
            await client.terminate(execution)
            try:
                await client.report(execution, process, 0, Report(state="stopped"))
            except ServiceUnavailable:
                raise
            except ZoeError as error:
                # It ended before the word about its server came: there is nobody left to tell.
                self.log.debug("%s ended already: %s", execution, error)
