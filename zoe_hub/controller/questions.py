"""Asking the framework of a running execution, over the HTTP ports that the framework names."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, TypeVar

import httpx
import jmespath
from jmespath.exceptions import JMESPathError

from ..model.bindings import bindings
from ..model.errors import InvalidDocument
from ..model.execution import Execution, InstanceState
from ..model.plan import FrameworkPlan
from ..model.references import bind
from ..secrets import Secrets

log = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE = 5.0
"""Seconds for one cluster's answer, however slowly it comes; the others do not wait for it longer."""
LARGEST = 2**20
"""Bytes of an answer. A cluster is its owner's, who could make it say anything, and all share the thread that reads."""
_PIECES = 2000
"""In which an answer may come. Each costs time, however short it is."""


class Questions:
    """Asks clusters. Use it as an async context manager."""

    def __init__(self, secrets: Secrets, *, prefix: str) -> None:
        self._secrets = secrets
        self._prefix = prefix

    async def __aenter__(self) -> Questions:
        # Clusters are reached directly, whatever proxy the environment names.
        # Of no cluster a cookie is kept: all are at one host, and the next one is another user's.
        nothing = CookieJar(DefaultCookiePolicy(allowed_domains=()))
        # And what a few bytes say when they are unpacked has no bound.
        unpacked = {"Accept-Encoding": "identity"}
        self._http = httpx.AsyncClient(timeout=2.0, trust_env=False, cookies=nothing, headers=unpacked)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def ask(
        self,
        execution: Execution,
        framework: FrameworkPlan,
        process: str,
        port: str,
        path: str,
        expressions: Mapping[str, str],
    ) -> dict[str, Any] | None:
        """The JMESPath expressions over the answer; None when there is none.

        Where it is no JSON, it is one text, in which every white space is a single blank.
        """
        plan = execution.plan.process(f"{framework.name}.{process}")
        instance = next((i for i in execution.instances if i.process == plan.key and i.ordinal == 0), None)
        if instance is None or instance.state is not InstanceState.READY or port not in instance.ports:
            return None
        described = next(known for known in plan.ports if known.name == port)
        secrets = self._secrets.references(execution.plan, execution.id, execution.created)
        values = bindings(execution, framework.name, secrets.get(framework.name, {}), self._prefix)
        try:
            headers = {name: bind(text, values) for name, text in described.headers.items()}
            answer = await self._get(f"http://{instance.host}:{instance.ports[port]}{path}", headers)
            return {name: evaluate(expression, answer) for name, expression in expressions.items()}
        # A cluster is its owner's: an answer nested too deeply must end nothing but this question.
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError, InvalidDocument) as error:
            log.debug("Execution %s does not say how it is: %s", execution.id, error)
            return None

    async def _get(self, url: str, headers: Mapping[str, str]) -> Any:
        async with self._http.stream("GET", url, headers=headers) as response:
            response.raise_for_status()
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise ValueError("its answer is packed, which nobody asked for")
            body, pieces = bytearray(), 0
            async for chunk in response.aiter_raw():
                body += chunk
                pieces += 1
                if len(body) > LARGEST or pieces > _PIECES:
                    raise ValueError(
                        f"its answer is larger than {LARGEST} bytes, or comes in more than {_PIECES} pieces"
                    )
        if "json" in response.headers.get("Content-Type", ""):
            return json.loads(body)
        # How a page is laid out must not matter.
        return " ".join(body.decode("utf-8", "replace").split())


def evaluate(expression: str, answer: Any) -> Any:
    """A JMESPath expression over what a cluster said. Raises ValueError where the answer does not suit it."""
    try:
        return jmespath.search(expression, answer)
    except (JMESPathError, ArithmeticError, TypeError, RecursionError) as error:
        # It compares texts with numbers as Python does, and adds up what is no sum.
        raise ValueError(f"{expression} has no value there: {error}") from error


async def ask_all(executions: Iterable[Execution], read: Callable[[Execution], Coroutine[Any, Any, T]]) -> dict[str, T]:
    """What `read` gives for each, all at once; those that take longer than `PATIENCE` are left out."""
    reading = {execution.id: asyncio.ensure_future(read(execution)) for execution in executions}
    try:
        if reading:
            await asyncio.wait(reading.values(), timeout=PATIENCE)
    finally:
        for task in reading.values():
            task.cancel()
        await asyncio.gather(*reading.values(), return_exceptions=True)
    return {name: task.result() for name, task in reading.items() if not task.cancelled()}
