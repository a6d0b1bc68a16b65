"""Clients that carry out the plan's wishes as real ones do: again and again until there is an answer."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from zoe_hub.client import ExecutionView, ZoeClient
from zoe_hub.model.commands import Submit
from zoe_hub.model.errors import Conflict, ServiceUnavailable, ZoeError
from zoe_hub.model.execution import Attachment

from .hub import OWNERS, token_of
from .plan import Action

_PATIENCE = 120.0
"""Seconds for which a client tries again. The service is never away for so long."""


@dataclass
class Wished:
    """What was accepted of the wishes about one submission."""

    key: str
    owner: str
    zapp: str
    name: str | None
    identifiers: set[str] = field(default_factory=set)
    """What the answers said. More than one would be one too many."""
    workers: set[int] = field(default_factory=set)
    """The last accepted size; two where two people wished at once."""
    attached: bool = True
    terminated: bool = False
    scaled: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def identifier(self) -> str:
        (identifier,) = self.identifiers
        return identifier


class Load:
    """Everything that clients asked for, and what they were told. `violations` are answers that must not be."""

    def __init__(self, urls: Sequence[str], seed: str) -> None:
        self._seed = seed
        # Where there are two services, some people use the one, some the other.
        self.clients = {
            owner: ZoeClient(urls[number % len(urls)], token_of(owner)) for number, owner in enumerate(OWNERS)
        }
        self.wished: dict[int, Wished] = {}
        self._submits: dict[str, Submit] = {}
        self.accepted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.tried_again = 0
        self.violations: list[str] = []

    async def close(self) -> None:
        for client in self.clients.values():
            await client.close()

    async def do(self, action: Action) -> None:
        """Returns when the wish was accepted or refused."""
        if action.verb == "submit":
            attachment = Attachment(server=f"{action.owner}/", kernel=f"kernel-{action.target}")
            submit = Submit(
                zapp=action.zapp,
                name=action.name,
                parameters=dict(action.parameters),
                attachment=attachment if action.zapp == "cells" else None,
            )
            wished = Wished(f"{self._seed}-{action.target}", action.owner, action.zapp, action.name)
            self.wished[action.target] = wished
            wished.attached = submit.attachment is not None
            async with wished.lock:
                await self._submit(wished, submit)
            return
        wished = self.wished[action.target]
        async with wished.lock:
            if wished.identifiers:
                await self._change(action, wished)

    async def _submit(self, wished: Wished, submit: Submit) -> None:
        wished.workers = {int(submit.parameters["workers"])} if "workers" in submit.parameters else set()
        self._submits[wished.key] = submit
        view = await self._ask("submit", wished, wished.key, submit)
        if view is not None:
            wished.identifiers.add(view.id)

    async def _change(self, action: Action, wished: Wished) -> None:
        verb, identifier = action.verb, wished.identifier
        if verb == "again":
            view = await self._ask("submit again", wished, wished.key, self._submits[wished.key])
            if view is not None:
                wished.identifiers.add(view.id)
        elif verb == "scale":
            await self._scale(wished, identifier, [int(dict(action.parameters)["workers"])])
        elif verb == "rival":
            await self._scale(wished, identifier, [int(dict(action.parameters)["workers"]), action.rival])
        elif verb == "terminate":
            if await self._ask(verb, wished, identifier) is not None:
                wished.terminated = True
        elif verb == "detach":
            if await self._ask(verb, wished, identifier) is not None:
                wished.attached = False
        elif verb == "attach":
            attachment = Attachment(server=f"{wished.owner}/", kernel=f"kernel-{action.target}")
            if await self._ask(verb, wished, identifier, attachment) is not None:
                wished.attached = True

    async def _scale(self, wished: Wished, identifier: str, sizes: list[int]) -> None:
        views = await asyncio.gather(*(self._ask("scale", wished, identifier, {"workers": size}) for size in sizes))
        done = {size for size, view in zip(sizes, views, strict=True) if view is not None}
        if done:
            wished.workers = done
            wished.scaled += 1

    async def _ask(self, verb: str, wished: Wished, *arguments: Any) -> ExecutionView | bool | None:
        """The answer; None when it was refused."""
        client = self.clients[wished.owner]
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                answer = await self._send(client, verb, arguments)
            except ServiceUnavailable:
                self.tried_again += 1
                if time.monotonic() > deadline:
                    self.violations.append(f"{verb} {wished.key}: there was no answer in {_PATIENCE:g} seconds")
                    return None
                await asyncio.sleep(0.2)
            except Conflict as error:
                self.refused[verb] += 1
                if verb in ("submit", "submit again"):
                    self.violations.append(f"{verb} {wished.key}: {error}")
                return None
            except ZoeError as error:
                self.violations.append(f"{verb} {wished.key}: {type(error).__name__}: {error}")
                return None
            else:
                self.accepted[verb] += 1
                return answer

    @staticmethod
    async def _send(client: ZoeClient, verb: str, arguments: tuple[Any, ...]) -> ExecutionView | bool:
        if verb in ("submit", "submit again"):
            key, submit = arguments
            return await client.submit(submit, idempotency_key=key)
        if verb == "scale":
            return await client.modify(*arguments)
        if verb == "terminate":
            return await client.terminate(*arguments)
        if verb == "attach":
            return await client.attach(*arguments)
        await client.detach(*arguments)
        return True
