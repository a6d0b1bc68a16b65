"""What a card under a cell asks of its kernel, where no panel asks the service by itself."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from zoe_hub.client.views import ExecutionView, View
from zoe_hub.model.commands import Submit
from zoe_hub.model.errors import InvalidRequest, ZoeError

from . import adapting, attaching
from .portal import Caller, beside, portal

if TYPE_CHECKING:
    from .attachments import Attached
    from .core import Core

T = TypeVar("T")
LONGEST = 1_000_000
"""Of workers that may be asked for; the service knows better, and refuses."""
TAIL = 1000
"""Lines of a log, of each instance, that a card begins with."""


def document(view: View) -> dict[str, Any]:
    """The view as the REST interface writes it."""
    written: dict[str, Any] = json.loads(view.model_dump_json())
    return written


class Asked:
    """One card and what it shows, which is another cluster after a swap.

    A message `{id, do, …}` is answered by `{id, error, result}`, where `error` is empty if it went well; what takes its
    time says before that, by one `{id, chunk}` or many, that it is at it. `{do: "stop", of}` ends what has that `id`.
    All of it happens in the portal's loop, so that a running cell does not hold it up.
    """

    def __init__(self, core: Core, attached: Attached, shown: Any) -> None:
        self._core = core
        self._shown = shown
        self._going: dict[Any, asyncio.Task[Any]] = {}
        self._follow(attached)
        shown.on_msg(lambda _, content, buffers: self.take(content))

    def take(self, content: Any) -> None:
        """A message of the card; none of ours is passed over."""
        if isinstance(content, dict) and "id" in content:
            portal.submit(self._answer(content))

    def _follow(self, attached: Attached) -> None:
        """Show this one from now on, as long as the notebook lives: a card may be shown again."""
        self._attached = attached
        attached.card = self._shown
        attached.watchers.append(self._saw)

    def _saw(self, view: ExecutionView) -> None:
        if view.id == self._attached.id:
            self._shown.execution = document(view)
            self._shown.away = self._attached.away

    async def _answer(self, content: dict[str, Any]) -> None:
        asked = content["id"]
        if content.get("do") == "stop":
            if (going := self._going.get(content.get("of"))) is not None:
                going.cancel()
            return
        self._going[asked] = asyncio.ensure_future(self._do(content))
        answer: dict[str, Any] = {"id": asked, "error": ""}
        try:
            result = await self._going[asked]
        except asyncio.CancelledError:
            return
        except Exception as error:  # told where it was asked for
            answer["error"] = _sentence(error)
        else:
            if result is not None:
                answer["result"] = result
        finally:
            del self._going[asked]
        self._shown.send(answer)

    async def _do(self, content: dict[str, Any]) -> Any:
        client, execution = self._core.client, self._attached.id
        number = content.get("number")
        match content.get("do"):
            case "scale" if isinstance(number, int) and 0 <= number <= LONGEST:
                self._attached.saw(await client.modify(execution, {self._parameter: number}))
            case "keep" if isinstance(number, int):
                self._attached.saw(await client.keep(execution, number))
            case "adapt":
                bounds = adapting.bounds(content.get("minimum"), content.get("maximum"), None)
                self._attached.saw(await client.adapt(execution, bounds))
            case "detach":
                await self._core.detach(beside(asyncio.get_running_loop()), self._attached)
                self._attached.saw(await client.execution(execution))
            case "stop_adapting":
                self._attached.saw(await client.adapt_no_more(execution))
            case "terminate":
                self._core.check_not_ourselves(self._attached)
                self._attached.saw(await client.terminate(execution))
            case "shop":
                return [document(zapp) for zapp in (await client.shop()).zapps if zapp.attachable and not zapp.server]
            case "plan":
                zapp, parameters = _wish(content)
                return document(await client.plan(Submit.of(zapp=zapp, parameters=parameters)))
            case "swap":
                await self._swap(content)
            case "logs":
                await self._logs(content)
            case _:
                raise InvalidRequest("The card asked for something that this version of Zoe does not know.")
        return None

    @property
    def _parameter(self) -> str:
        """The one that changes the number of workers. Raises InvalidRequest where there is none."""
        if self._attached.view.plan.scales is None:
            raise InvalidRequest(f"{self._attached.view.name} has one size.")
        return self._attached.view.plan.scales

    async def _swap(self, content: dict[str, Any]) -> None:
        """Another cluster takes over the names; the card shows it from when it does."""
        zapp, parameters = _wish(content)
        name = content.get("name")
        name = name if isinstance(name, str) and name else None
        self._tell(content, "")
        old = self._attached
        quiet = _Quiet(beside(asyncio.get_running_loop()))
        new = await attaching.swap(self._core, quiet, old, zapp, name, parameters, None)
        old.card = None
        with contextlib.suppress(ValueError):
            old.watchers.remove(self._saw)
        self._follow(new)
        self._saw(new.view)

    async def _logs(self, content: dict[str, Any]) -> None:
        process, ordinal = content.get("process"), content.get("ordinal")
        process = process if isinstance(process, str) else None
        ordinal = ordinal if isinstance(ordinal, int) else None
        self._tell(content, "")
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        async for chunk in self._core.logs(self._attached.id, process, ordinal, TAIL):
            if text := decoder.decode(chunk):
                self._tell(content, text)

    def _tell(self, content: dict[str, Any], chunk: str) -> None:
        self._shown.send({"id": content["id"], "chunk": chunk})


class _Quiet:
    """A caller whose progress is shown nowhere: the card itself says how far it is."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def call(self, function: Callable[[], T]) -> T:
        return await self._caller.call(function)

    def show(self, function: Callable[[], None]) -> None:
        pass


def _wish(content: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Which ZApp, with which parameters. Raises InvalidRequest for what is none."""
    zapp, parameters = content.get("zapp"), content.get("parameters")
    if not isinstance(zapp, str) or not isinstance(parameters, dict):
        raise InvalidRequest("The card asked for something that this version of Zoe does not know.")
    return zapp, parameters


def _sentence(error: BaseException) -> str:
    return str(error) if isinstance(error, ZoeError) else f"{type(error).__name__}: {error}"
