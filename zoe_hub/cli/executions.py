"""The commands about the shop and executions."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any

from ..client import ExecutionView, ZoeClient
from ..client.views import PlanView
from ..model.commands import Submit
from ..model.durations import format_seconds
from ..model.errors import InvalidRequest, ZoeError
from ..model.events import Event
from ..model.execution import ExecutionState
from ..model.resources import exact_bytes
from . import exits
from .adapting import following
from .lives import ending, life
from .output import emit, emit_line, say, table
from .place import Place
from .terminal import harmless_line


def shop(place: Place, as_json: bool) -> None:
    """Print the ZApps."""

    async def work() -> None:
        async with place.client() as client:
            found = await client.shop()
        if as_json:
            emit(found.model_dump(mode="json"))
            return
        rows = []
        for zapp in found.zapps:
            names = " ".join(f"{p.name}={_value(p.type, p.default)}" for p in zapp.parameters)
            rows.append((zapp.name, zapp.title, "yes" if zapp.attachable else "no", names))
        table(("name", "title", "attachable", "parameters"), rows, empty="The shop is empty.")
        for problem in found.problems:
            say(f"{problem.get('path')}:{problem.get('line') or ''}: {problem.get('reason')}")

    asyncio.run(work())


def plan(place: Place, zapp: str, parameters: Mapping[str, str], as_json: bool) -> None:
    """Print what would run."""

    async def work() -> None:
        async with place.client() as client:
            found = await client.plan(Submit.of(zapp=zapp, parameters=dict(parameters)))
        if as_json:
            emit(found.model_dump(mode="json"))
            return
        rows = [(p.key, str(p.core), str(p.elastic), str(p.resources)) for p in found.processes]
        table(("process", "core", "elastic", "each"), rows, empty="It has no processes.")
        if found.outlook is not None:
            print(harmless_line(found.outlook.sentence))

    asyncio.run(work())


def start(
    place: Place,
    zapp: str,
    parameters: Mapping[str, str],
    name: str | None,
    wait: bool,
    as_json: bool,
    *,
    expected: str | None = None,
) -> None:
    """Start a ZApp, by the service or, when it has a notebook, by the Hub."""

    async def work() -> None:
        async with place.client() as client:
            found = await client.plan(Submit.of(zapp=zapp, parameters=dict(parameters)))
            if found.server:
                if expected is not None:
                    raise InvalidRequest(
                        f"{zapp} has a notebook, which runs as long as you like: --expect is for others."
                    )
                await _start_server(place, client, found, parameters, name, wait, as_json)
                return
            view = await client.submit(Submit.of(zapp=zapp, parameters=dict(parameters), name=name, expected=expected))
            if wait:
                try:
                    view = await client.wait(view.id, _is_running, on_event=None if as_json else _progress())
                except asyncio.CancelledError:
                    say(f"zoe: {view.name} goes on without being waited for; `zoe terminate {view.name}` ends it.")
                    raise
        if as_json:
            emit(_document(view))
        else:
            print(f"{view.name} is {view.state.value}.")

    asyncio.run(work())


async def _start_server(
    place: Place,
    client: ZoeClient,
    found: PlanView,
    parameters: Mapping[str, str],
    name: str | None,
    wait: bool,
    as_json: bool,
) -> None:
    from . import hub

    user = (await client.me()).name
    options = {"zapp": found.zapp, "parameters": {key: found.parameters[key] for key in parameters}}
    server = await hub.start_server(place, user, name or "", options, wait=wait, say=None if as_json else say)
    if as_json:
        emit(server)
    else:
        print(f"{server['name']} is {'ready' if server['ready'] else 'starting'} at {server['url']}")


def ls(place: Place, everything: bool, owner: str | None, as_json: bool) -> None:
    """Print executions."""

    async def work() -> None:
        async with place.client() as client:
            found = await client.executions(live=None if everything else True, owner=owner)
        if as_json:
            emit([_document(view) for view in found])
            return
        rows = [
            (
                view.name,
                view.zapp,
                view.state.value,
                _workers(view),
                _notebook(view),
                _when(view),
                ending(view) or view.reason,
            )
            for view in found
        ]
        head = ("name", "zapp", "state", "workers", "notebook", "since", "reason")
        table(head, rows, empty="Nothing runs." if not everything else "There is nothing.")

    asyncio.run(work())


def show(place: Place, name: str, as_json: bool) -> None:
    """Print one execution."""

    async def work() -> None:
        async with place.client() as client:
            view = await client.execution(name)
        if as_json:
            emit(_document(view))
            return
        facts = [
            ("name", view.name), ("id", view.id), ("owner", view.owner), ("zapp", view.zapp),
            ("state", view.state.value), ("reason", view.reason), ("workers", _workers(view)),
            ("adapts", following(view)),
            ("starts", view.starts),
            ("expected", format_seconds(view.expected) if view.expected else ""),
            ("parameters", " ".join(f"{key}={value}" for key, value in view.parameters.items())),
            ("notebook", _notebook(view)), ("since", _when(view)), *life(view),
            *((key, str(value)) for key, value in view.live.items()),
            *((page.title or page.port, page.url) for page in view.ui),
        ]  # fmt: skip
        for key, value in facts:
            if value:
                print(f"{harmless_line(key) + ':':<12} {harmless_line(value)}")
        rows = [
            (i.process, str(i.ordinal), i.state.value, i.host or "", str(i.restarts), i.message) for i in view.instances
        ]
        table(("process", "no.", "state", "host", "restarts", "message"), rows, empty="No instance of it runs.")

    asyncio.run(work())


def scale(place: Place, name: str, number: int | None, parameters: Mapping[str, str], as_json: bool) -> None:
    """Change parameters of an execution that runs."""

    async def work() -> None:
        async with place.client() as client:
            changes: dict[str, Any] = dict(parameters)
            adapted = False
            if number is not None:
                before = await client.execution(name)
                scales = before.plan.scales
                if scales is None:
                    raise InvalidRequest(f"{name} has no number of workers that could be changed.")
                changes[scales] = number
                adapted = before.adaptation is not None
            if not changes:
                raise InvalidRequest("Say how many workers, or give -p NAME=VALUE.")
            view = await client.modify(name, changes)
        if as_json:
            emit(_document(view))
        else:
            print(f"{view.name}: {' '.join(f'{key}={view.parameters.get(key)}' for key in changes)} is asked for.")
            if adapted and view.adaptation is None:
                print(f"{view.name} does not follow its load any more.")

    asyncio.run(work())


def logs(
    place: Place, name: str, process: str | None, ordinal: int | None, follow: bool, tail: int | None, as_json: bool
) -> None:
    """Print what instances wrote."""

    async def work() -> None:
        async with place.client() as client:
            rest = b""
            async with aclosing(client.logs(name, process, ordinal, follow=follow, tail=tail)) as chunks:
                async for chunk in chunks:
                    if not as_json:
                        sys.stdout.buffer.write(chunk)
                        sys.stdout.buffer.flush()
                        continue
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        emit_line({"execution": name, "line": line.decode(errors="replace")})
            if rest:
                emit_line({"execution": name, "line": rest.decode(errors="replace")})

    asyncio.run(work())


def terminate(place: Place, names: Sequence[str], yes: bool, as_json: bool) -> None:
    """End executions. Goes on after one that cannot be ended; the first such gives the exit code."""
    if not yes:
        if not sys.stdin.isatty():
            raise InvalidRequest("Give --yes: there is nobody here to ask.")
        if input(f"End {', '.join(names)}? [y/N] ").strip().lower() not in ("y", "yes"):
            raise InvalidRequest("Nothing was ended.")

    async def work() -> int:
        code, ended = 0, []
        async with place.client() as client:
            for name in names:
                try:
                    view = await client.terminate(name)
                    view = await client.wait(view.id, lambda now: now.state.ended)
                except ZoeError as error:
                    say(f"zoe: {error}")
                    code = code or exits.code_of(error)
                    continue
                ended.append(_document(view))
                if not as_json:
                    print(f"{view.name} is {view.state.value}.")
        if as_json:
            emit(ended)
        return code

    code = asyncio.run(work())
    if code:
        sys.exit(code)


def events(place: Place, name: str | None, follow: bool, as_json: bool) -> None:
    """Print events: those so far, or with `follow` from the last ones on."""

    def on_gap() -> None:
        say("zoe: events of executions that ended long ago are not kept any more.")

    async def work() -> None:
        async with place.client() as client:
            execution = None if name is None else (await client.execution(name)).id
            async with aclosing(client.events(execution, after=0, on_gap=on_gap)) as stream:
                # What is stored comes at once: a silence says that it was the last. A busy one is slow to begin.
                silence = 10.0
                while True:
                    try:
                        event = await asyncio.wait_for(anext(stream), None if follow else silence)
                    except (asyncio.TimeoutError, StopAsyncIteration):
                        return
                    silence = 1.0
                    _print_event(event, as_json)

    asyncio.run(work())


def _print_event(event: Event, as_json: bool) -> None:
    if as_json:
        emit_line(event.model_dump(mode="json"))
        return
    data = " ".join(f"{key}={value}" for key, value in event.data.items() if value not in (None, "", {}))
    when = event.time.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    print(f"{event.seq:>6}  {when}  {event.execution}  {event.kind.value}  {harmless_line(data)}", flush=True)


def _progress() -> Any:
    said: list[str] = []

    def on_event(_: Event, view: ExecutionView) -> None:
        sentence = f"{view.name}: {view.state.value}" + (f", {view.reason}" if view.reason else "")
        if sentence not in said:
            said.append(sentence)
            say(sentence)

    return on_event


def _is_running(view: ExecutionView) -> bool:
    return view.state in (ExecutionState.RUNNING, ExecutionState.COMPLETED)


def _document(view: ExecutionView) -> dict[str, Any]:
    return view.model_dump(mode="json")


def _workers(view: ExecutionView) -> str:
    if not view.plan.scales:
        return ""
    return f"{view.ready}/{view.asked}" if not view.state.ended else str(view.asked)


def _notebook(view: ExecutionView) -> str:
    if view.attachment is None:
        return ""
    return f"{view.attachment.server} (outlives it)" if view.attachment.outlive else view.attachment.server


def _when(view: ExecutionView) -> str:
    when = view.ended or view.created
    return when.astimezone().strftime("%Y-%m-%d %H:%M") if when else ""


def _value(kind: str, value: Any) -> str:
    if value is None:
        return "?"
    return exact_bytes(value).replace(" ", "") if kind == "memory" and isinstance(value, int) else str(value)
