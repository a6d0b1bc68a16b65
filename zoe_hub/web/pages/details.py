"""One execution: what it is, what it does, what can be done with it, and what its instances wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field, model_validator
from typing_extensions import Self

from ...model.parameters import Parameter
from .. import scopes
from ..api.executions import get_execution
from ..api.streams import LogsQuery, get_logs
from ..callers import Caller
from ..iteration import closed
from ..views import ExecutionView
from .lines import Line
from .page import Page, address

LOG_LINES = 500
"""The last lines of an instance that its page shows."""
_LOG_BYTES = 512 * 1024


class Details(Page):
    """One execution."""

    template = "execution.html"

    def check(self, caller: Caller) -> None:
        """Whose it is, the operation asks."""

    async def values(self, caller: Caller, **path: str) -> dict[str, Any]:
        view: ExecutionView = await self.ask(get_execution, caller, path=path)
        line = Line.of(view, self.context.catalogue)
        return {
            "line": line,
            "execution": view,
            "size": self._size(view),
            "labels": {each.name: each.label for each in self._parameters(view)},
            "mine": view.owner == caller.user,
            "changes": caller.may(scopes.EXECUTIONS, view.owner) and line.endable,
            "reads_logs": caller.may(scopes.READ_LOGS, view.owner),
            "events": None if line.ended else f"{self.context.prefix}api/v1/executions/{view.id}/events",
        }

    def _size(self, view: ExecutionView) -> Parameter | None:
        """The parameter that scales it, with its bounds, as far as the shop still has it."""
        return next((each for each in self._parameters(view) if each.name == view.plan.scales), None)

    def _parameters(self, view: ExecutionView) -> Sequence[Parameter]:
        """As the shop has them now."""
        zapp = self.context.catalogue.zapps.get(view.zapp)
        return zapp.parameters if zapp else ()


class LogsPageQuery(BaseModel):
    """Of which instance: by its two parts, or, as the form sends it, both in one."""

    process: str | None = Field(default=None, max_length=200)
    ordinal: int | None = Field(default=None, ge=0, le=10_000)
    instance: str | None = Field(default=None, pattern=r"^[^/]{1,200}/[0-9]{1,4}$")

    @model_validator(mode="after")
    def _of_the_instance(self) -> Self:
        if self.instance is not None:
            self.process, _, ordinal = self.instance.partition("/")
            self.ordinal = int(ordinal)
        return self


class Logs(Page):
    """The end of what an instance wrote, or all instances."""

    template = "logs.html"

    def check(self, caller: Caller) -> None:
        """Whose it is, the operations ask."""

    async def values(self, caller: Caller, **path: str) -> dict[str, Any]:
        view: ExecutionView = await self.ask(get_execution, caller, path=path)
        wanted: LogsPageQuery = self.read_query(LogsPageQuery)
        query = LogsQuery(process=wanted.process, ordinal=wanted.ordinal, tail=LOG_LINES)
        text, whole = bytearray(), True
        async with closed(await self.ask(get_logs, caller, path=path, query=query)) as chunks:
            async for chunk in chunks:
                text += chunk
                if len(text) > _LOG_BYTES:
                    # Of several instances the lines come mixed, so that neither end is the newest alone.
                    # Taken away in front, not copied: there may be a hundred thousand lines.
                    del text[:-_LOG_BYTES]
                    whole = False
        return {
            "execution": view,
            "mine": view.owner == caller.user,
            "process": wanted.process,
            "ordinal": wanted.ordinal,
            "titles": {each.key: each.title or each.key for each in view.plan.processes},
            "instances": [i for i in view.instances if not self._in_notebook(view, i.process)],
            "text": bytes(text).decode("utf-8", "replace"),
            "whole": whole,
            "lines": LOG_LINES,
            "events_of": f"{self.context.prefix}api/v1/executions/{view.id}/events",
            "follow": None
            if view.state.ended
            else address(
                f"{self.context.prefix}api/v1/executions/{view.id}/logs",
                follow="true",
                tail=LOG_LINES,
                process=wanted.process,
                ordinal=wanted.ordinal,
            ),
        }

    @staticmethod
    def _in_notebook(view: ExecutionView, process: str) -> bool:
        """Whether the Hub keeps its output, not Zoe."""
        return any(each.key == process and each.placement.value == "server" for each in view.plan.processes)
