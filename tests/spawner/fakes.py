"""Zoe services without an engine and servers without a notebook, named by how they behave.

Services (in the test's own event loop):

PromptZoe       admits at once; its companions are ready at once
QueueingZoe     keeps everything in the queue until `admit`
PatientZoe      admits at once; its companions get ready with `finish`
FailingZoe      its companions fail as soon as they are admitted

Servers (parent classes of the mixin):

PromptServer    listens at once
MuteServer      starts and never listens
BriefServer     ends by itself, with status 3, before it listens
UnwillingServer raises from `start`
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

from jupyterhub.spawner import Spawner
from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler
from typing_extensions import Self

from zoe_hub.spawner.mixin import ZoeMixin

TOKEN = "the-spawners-token"


def zapp(name: str, *parameters: dict[str, Any], server: bool = True, **more: Any) -> dict[str, Any]:
    return {"name": name, "title": name.title(), "parameters": parameters, "server": server, **more}


WORKERS = {"name": "workers", "type": "integer", "default": 2, "minimum": 1, "maximum": 9, "help": "How many."}


class PromptZoe:
    """``async with``: `url` is what the spawner is told. `stop` and `start` take it away and bring it back."""

    def __init__(self) -> None:
        self.zapps = [zapp("jupyterlab"), zapp("lab-cluster", WORKERS), zapp("cluster", server=False)]
        self.executions: dict[str, dict[str, Any]] = {}
        self.keys: list[str] = []
        self.reports: list[tuple[str, str]] = []
        self.terminated: list[str] = []
        self.environment: dict[str, str] = {}
        self.preview: dict[str, Any] | None = None
        """What is told of every plan."""
        self.port = 0
        self._events: list[dict[str, Any]] = []
        self._changed = asyncio.Event()
        self._server: HTTPServer | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        sockets = bind_sockets(self.port, "127.0.0.1")
        self.port = sockets[0].getsockname()[1]
        self._server = HTTPServer(Application([(r"/services/zoe/api/v1(/.*)", _Handler, {"zoe": self})]))
        self._server.add_sockets(sockets)

    async def stop(self) -> None:
        if self._server is not None:
            server, self._server = self._server, None
            server.stop()
            self._changed.set()
            self._changed = asyncio.Event()
            await server.close_all_connections()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/services/zoe"

    # -- how it behaves

    def on_submitted(self, execution: dict[str, Any]) -> None:
        self.admit(execution)

    def on_admitted(self, execution: dict[str, Any]) -> None:
        self.finish(execution)

    # -- what tests may do to it

    def admit(self, execution: dict[str, Any]) -> None:
        self.move(execution, "starting")
        self.on_admitted(execution)

    def finish(self, execution: dict[str, Any], state: str = "ready", message: str = "") -> None:
        """The companions have come to this state."""
        for process in execution["plan"]["processes"]:
            if process["placement"] == "backend":
                self.instance(execution, f"{process['framework']}.{process['name']}", state, message)

    def instance(self, execution: dict[str, Any], process: str, state: str, message: str = "") -> None:
        others = [i for i in execution["instances"] if i["process"] != process]
        execution["instances"] = [*others, {"process": process, "ordinal": 0, "state": state, "message": message}]
        self.emit(execution, "instance.state_changed")
        if state == "failed" and execution["state"] == "starting":
            self.move(execution, "failing", f"{process} 0: {message}")
        ready = [i for i in execution["instances"] if i["state"] == "ready"]
        if execution["state"] == "starting" and len(ready) == len(execution["plan"]["processes"]):
            self.move(execution, "running")

    def move(self, execution: dict[str, Any], state: str, reason: str = "") -> None:
        execution["state"], execution["reason"] = state, reason
        self.emit(execution, "execution.state_changed")

    def emit(self, execution: dict[str, Any], kind: str) -> None:
        now = datetime.now(timezone.utc).isoformat()
        event = {"seq": len(self._events) + 1, "time": now, "owner": execution["owner"], "kind": kind}
        self._events.append({**event, "execution": execution["id"], "data": {}})
        self._changed.set()
        self._changed = asyncio.Event()

    @property
    def only(self) -> dict[str, Any]:
        """The one execution there is."""
        (execution,) = self.executions.values()
        return execution

    # -- the interface

    def plan(self, body: dict[str, Any]) -> dict[str, Any]:
        found = next((z for z in self.zapps if z["name"] == body["zapp"]), None)
        if found is None:
            raise _Problem(404, "UnknownName", f"There is no ZApp named {body['zapp']!r}.")
        known = {p["name"]: p for p in found["parameters"]}
        values = {name: p["default"] for name, p in known.items()}
        for name, value in body.get("parameters", {}).items():
            if name not in known:
                raise _Problem(422, "InvalidParameter", f"{name}: there is no such parameter", parameter=name)
            values[name] = int(value) if known[name]["type"] == "integer" else value
            if not known[name].get("minimum", values[name]) <= values[name] <= known[name].get("maximum", values[name]):
                raise _Problem(
                    422, "InvalidParameter", f"{name}: {value} is out of bounds: from 1 to 9", parameter=name
                )
        server = {
            "framework": "jupyter", "name": "server", "title": "Jupyter server", "core": 1, "placement": "server",
            "environment": self.environment, "resources": {"cpu": 0.5, "memory": 2**30, "gpu": 0},
        }  # fmt: skip
        master = {"framework": "spark", "name": "master", "title": "Spark master", "core": 1, "placement": "backend"}
        processes = [server] * found["server"] + [master] * ("cluster" in found["name"])
        core = {"cpu": 0.5, "memory": 2**30}
        return {
            "zapp": found["name"], "title": found["title"], "parameters": values, "processes": processes,
            "core": core, "total": core,
        }  # fmt: skip

    def submit(self, body: dict[str, Any], key: str) -> dict[str, Any]:
        number = len(self.executions) + 1
        execution = {
            "id": f"x{number}", "owner": body["owner"], "name": f"{body['zapp']}-{number}", "zapp": body["zapp"],
            "state": "queued", "reason": "", "plan": self.plan(body), "instances": [], "attachment": body["attachment"],
        }  # fmt: skip
        self.executions[execution["id"]] = execution
        self.keys.append(key)
        self.emit(execution, "execution.submitted")
        self.on_submitted(execution)
        return execution

    def report(self, execution: dict[str, Any], process: str, state: str) -> None:
        self.reports.append((process, state))
        self.instance(execution, process, state)

    def terminate(self, execution: dict[str, Any]) -> None:
        self.terminated.append(execution["id"])
        self.move(execution, "terminated")

    async def follow(self, execution: str, after: int) -> AsyncIterator[dict[str, Any]]:
        while self._server is not None:
            changed = self._changed
            for event in self._events[after:]:
                if event["execution"] == execution:
                    yield event
            after = len(self._events)
            await changed.wait()


class QueueingZoe(PromptZoe):
    def on_submitted(self, execution: dict[str, Any]) -> None:
        self.move(execution, "queued", "1 CPU is free, 2 are needed")


class PatientZoe(PromptZoe):
    def on_admitted(self, execution: dict[str, Any]) -> None:
        pass


class FailingZoe(PromptZoe):
    def on_admitted(self, execution: dict[str, Any]) -> None:
        self.finish(execution, "failed", "there is no Java")


class FullZoe(PromptZoe):
    """A quota has no place for anything more."""

    sentence = (
        "Your quota of 16 CPU is used by spark-1 (12 CPU) and lab-1 (4 CPU); lab-2 asks for 100% of 2 CPU. Terminate "
        "or shrink one of these, or ask an administrator."
    )

    def submit(self, body: dict[str, Any], key: str) -> dict[str, Any]:
        raise _Problem(409, "QuotaExceeded", self.sentence, quota={"dimension": "cpu", "limit": 16})


class _Problem(Exception):
    def __init__(self, status: int, kind: str, detail: str, **more: Any) -> None:
        self.status = status
        self.document = {"type": f"urn:zoe:problem:{kind}", "title": kind, "detail": detail, "status": status, **more}


class _Handler(RequestHandler):
    def initialize(self, zoe: PromptZoe) -> None:
        self.zoe = zoe

    async def _answer(self, path: str) -> None:
        try:
            assert self.request.headers["Authorization"] == f"Bearer {TOKEN}"
            await self._route([part for part in path.split("/") if part])
        except _Problem as problem:
            self.set_status(problem.status)
            self.set_header("Content-Type", "application/problem+json")
            self.write(json.dumps(problem.document))
        except StreamClosedError:
            pass

    get = post = put = delete = _answer  # type: ignore[assignment]

    async def _route(self, parts: list[str]) -> None:
        zoe, method = self.zoe, self.request.method
        body = json.loads(self.request.body or b"{}")
        if parts == ["shop"]:
            self.write({"zapps": zoe.zapps})
        elif parts == ["plans"]:
            self.write({**zoe.plan(body), "preview": zoe.preview})
        elif parts == ["executions"] and method == "POST":
            self.set_status(202)
            self.write(zoe.submit(body, self.request.headers["Idempotency-Key"]))
        elif parts == ["executions"]:
            server = self.get_query_argument("server", None)
            live = [e for e in zoe.executions.values() if e["state"] not in ("terminated", "failed")]
            self.write({"executions": [e for e in live if server in (None, e["attachment"]["server"])]})
        elif parts == ["events"]:
            self.set_header("Content-Type", "text/event-stream")
            after = int(self.request.headers.get("Last-Event-ID", 0))
            await self.flush()
            async for event in zoe.follow(self.get_query_argument("execution"), after):
                self.write(f"id: {event['seq']}\nevent: {event['kind']}\ndata: {json.dumps(event)}\n\n")
                await self.flush()
        else:
            execution = zoe.executions.get(parts[1])
            if execution is None:
                raise _Problem(404, "UnknownName", f"There is no execution named {parts[1]!r}.")
            if method == "PUT":
                zoe.report(execution, parts[3], body["state"])
                self.set_status(204)
                return
            if method == "DELETE":
                zoe.terminate(execution)
            self.write(execution)


# -- servers


class PromptServer(Spawner):  # type: ignore[misc]
    listens = True
    ends_with: int | None = None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.running = False
        self.stops = 0
        self._listener: asyncio.Server | None = None

    async def start(self) -> tuple[str, int]:
        self.running = self.ends_with is None
        if not self.listens:
            return ("127.0.0.1", 1)
        self._listener = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        return ("127.0.0.1", self._listener.sockets[0].getsockname()[1])

    async def stop(self, now: bool = False) -> None:
        self.stops += self.running
        self.running = False
        if self._listener is not None:
            self._listener.close()
            await self._listener.wait_closed()

    async def poll(self) -> int | None:
        return None if self.running else (self.ends_with or 0)


class MuteServer(PromptServer):
    listens = False


class BriefServer(MuteServer):
    ends_with = 3


class UnwillingServer(PromptServer):
    async def start(self) -> tuple[str, int]:
        raise OSError("no such program")


class ZoePromptSpawner(ZoeMixin, PromptServer):  # type: ignore[misc]
    pass


class ZoeMuteSpawner(ZoeMixin, MuteServer):  # type: ignore[misc]
    pass


class ZoeBriefSpawner(ZoeMixin, BriefServer):  # type: ignore[misc]
    pass


class ZoeUnwillingSpawner(ZoeMixin, UnwillingServer):  # type: ignore[misc]
    pass


def make_spawner(
    zoe: PromptZoe, kind: type[Any] = ZoePromptSpawner, user: str = "alice", name: str = "", **traits: Any
) -> Any:
    """A spawner as the Hub makes it, with nothing of the Hub that it does not need."""
    orm_spawner = SimpleNamespace(name=name, user_options=None, server=None, display_name=name)
    traits = {"zoe_url": zoe.url, "zoe_token": TOKEN, "zoe_patience": 1.0, **traits}
    spawner = kind(user=SimpleNamespace(name=user, url=f"/user/{user}/"), **traits)
    # Past the trait's setter, which wants a row of the Hub's database.
    spawner._trait_values["orm_spawner"] = orm_spawner
    return spawner
