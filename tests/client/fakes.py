"""Zoe services without an engine, named by how they behave. Each serves the REST interface in a thread of its own.

FakeZoe         starts at once what it is asked for, as far as `capacity` workers go
SlowZoe         keeps every start waiting until `release`
DroppingZoe     cuts every event stream after a few events
ShakyZoe        answers 503 to the first requests of each kind
FailingZoe      fails every start, and has log lines to show for it
"""

from __future__ import annotations

import asyncio
import json
import threading
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

TOKEN = "a-token-of-alice"

CLIENT = '''
"""Connects a kernel to nothing at all."""
import os

class Box:
    def __init__(self, connection):
        self.connection = connection
        self.open = True

def connect(connection):
    return {"box": Box(connection)}

def disconnect(names):
    names["box"].open = False

def alive(names):
    return not os.path.exists(names["box"].connection.get("dead_when", "/nonexistent"))
'''


def process(framework: str, name: str, core: int, elastic: int = 0, placement: str = "backend") -> dict[str, Any]:
    resources = {"cpu": 1.0, "memory": 2**30, "gpu": 0}
    return {
        "framework": framework, "name": name, "title": name.title(), "core": core, "elastic": elastic,
        "resources": resources, "placement": placement,
    }  # fmt: skip


class Problem(Exception):
    def __init__(self, status: int, kind: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.document = {
            "type": f"urn:zoe:problem:{kind}", "title": kind, "status": status, "detail": detail, **more,
        }  # fmt: skip


class FakeZoe:
    """Use it as a context manager; `url` is what a client takes."""

    def __init__(self, *, capacity: int = 8, prefix: str = "/services/zoe") -> None:
        self.capacity = capacity
        self.prefix = prefix
        self.executions: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.keys: dict[str, str] = {}
        self.connection: dict[str, Any] = {"secret": "c2VjcmV0"}
        self.client_source = CLIENT
        self.log = b"first line\nsecond line\n"
        self._followers: list[asyncio.Event] = []
        self._ready = threading.Event()
        self._followed = threading.Condition()

    # -- life

    def __enter__(self) -> FakeZoe:
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        if not self._thread.is_alive():
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    def _serve(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        application = Application([(rf"{self.prefix}/api/v1(.*)", Handler, {"zoe": self})])
        sockets = bind_sockets(getattr(self, "port", 0), "127.0.0.1")
        self.port = sockets[0].getsockname()[1]
        server = HTTPServer(application)
        server.add_sockets(sockets)
        self._ready.set()
        await self._stop.wait()
        for follower in self._followers:
            follower.set()
        server.stop()
        await server.close_all_connections()

    def soon(self, function: Callable[[], None]) -> None:
        """Run in the service's loop."""
        self._loop.call_soon_threadsafe(function)

    # -- the domain

    def emit(self, execution: dict[str, Any], kind: str, **data: Any) -> None:
        now = datetime.now(timezone.utc).isoformat()
        execution["updated"] = now
        self.events.append(
            {
                "seq": len(self.events) + 1,
                "time": now,
                "owner": execution["owner"],
                "execution": execution["id"],
                "kind": kind,
                "data": data,
            }
        )
        for follower in self._followers:
            follower.set()

    def move(self, execution: dict[str, Any], state: str, reason: str = "") -> None:
        before, execution["state"], execution["reason"] = execution["state"], state, reason
        if state in ("terminated", "failed", "completed"):
            execution["ended"] = datetime.now(timezone.utc).isoformat()
        self.emit(execution, "execution.state_changed", before=before, after=state, reason=reason)

    deleted = 0
    """The highest number of an event that is not kept any more."""

    def delete(self, name: str) -> None:
        """Forget what has ended."""
        execution = self.executions.pop(self.find(name)["id"])
        self.deleted = max(event["seq"] for event in self.events if event["execution"] == execution["id"])

    def find(self, name: str) -> dict[str, Any]:
        named = [e for e in self.executions.values() if e["name"] == name]
        found = self.executions.get(name) or next((e for e in named if not e["ended"]), None) or (named or [None])[-1]
        if found is None:
            raise Problem(404, "UnknownName", f"There is no execution named {name!r}.")
        return found

    def plan(self, body: dict[str, Any]) -> dict[str, Any]:
        zapp = body.get("zapp")
        if zapp not in ("spark", "lab", "jupyterlab-spark"):
            raise Problem(404, "UnknownName", f"There is no ZApp named {zapp!r}. Did you mean 'spark'?")
        parameters = {"workers": 2, **body.get("parameters", {})}
        try:
            workers = parameters["workers"] = int(parameters["workers"])
        except ValueError:
            raise Problem(422, "InvalidParameter", "workers: no whole number", parameter="workers") from None
        if workers > 100:
            raise Problem(
                422, "InvalidParameter", f"workers: {workers} is out of bounds: from 0 to 100", parameter="workers"
            )
        processes = [process("spark", "master", 1), process("spark", "worker", min(workers, 1), max(workers - 1, 0))]
        if zapp != "spark":
            processes.append(process("jupyter", "server", 1, placement="server"))
        return {
            "zapp": zapp, "title": "Spark", "category": "interactive", "parameters": parameters, "scales": "workers",
            "attachable": zapp != "lab", "processes": processes,
        }  # fmt: skip

    def submit(self, body: dict[str, Any], key: str) -> dict[str, Any]:
        if key in self.keys:
            return self.executions[self.keys[key]]
        plan = self.plan(body)
        identifier = uuid.uuid4().hex[:12]
        name = body.get("name") or f"{plan['zapp']}-{len(self.executions) + 1}"
        if any(e["name"] == name and not e["ended"] for e in self.executions.values()):
            raise Problem(409, "Conflict", f"You have an execution named {name!r} already.")
        now = datetime.now(timezone.utc).isoformat()
        execution = self.executions[identifier] = {
            "id": identifier, "owner": "alice", "name": name, "zapp": plan["zapp"], "parameters": plan["parameters"],
            "plan": plan, "desired": "running", "state": "queued", "reason": "", "granted": {}, "instances": [],
            "attachment": body.get("attachment"), "created": now, "updated": now, "ended": None, "live": {},
            "ui": [{"process": "spark.master", "port": "ui", "title": "Spark", "url": "/services/zoe/x/ui/"}],
        }  # fmt: skip
        self.keys[key] = identifier
        self.emit(execution, "execution.submitted")
        self.soon(lambda: self.begin(execution))
        return execution

    def wait_for_follower(self) -> None:
        """Return when somebody follows the events."""
        with self._followed:
            assert self._followed.wait_for(lambda: bool(self._followers), 10)

    def wait_for_nobody(self) -> None:
        """Return when nobody follows the events any more."""
        with self._followed:
            assert self._followed.wait_for(lambda: not self._followers, 10)

    def begin(self, execution: dict[str, Any]) -> None:
        """What happens after a submission."""
        self.admit(execution)
        self.run(execution)

    def admit(self, execution: dict[str, Any]) -> None:
        self.grant(execution)
        self.move(execution, "starting", execution["reason"])

    def run(self, execution: dict[str, Any]) -> None:
        self.bring(execution)
        self.move(execution, "running", execution["reason"])

    def grant(self, execution: dict[str, Any]) -> None:
        wanted = execution["plan"]["processes"][1]
        number = wanted["core"] + wanted["elastic"]
        given = min(number, self.capacity)
        reason = (
            ""
            if given == number
            else f"{given} of {number} workers: no room for {number - given} more (1 CPU, 2 GiB each)"
        )
        granted = {"spark.master": 1, "spark.worker": given}
        if granted != execution["granted"]:
            execution["granted"] = granted
            self.emit(execution, "execution.granted", granted=granted, reason=reason)
        if reason != execution["reason"]:
            execution["reason"] = reason
            self.emit(execution, "execution.waiting", reason=reason)

    def bring(self, execution: dict[str, Any]) -> None:
        for key, number in execution["granted"].items():
            there = [i for i in execution["instances"] if i["process"] == key]
            for ordinal in range(len(there), number):
                self.report(execution, key, ordinal, "ready")
            for instance in there[number:]:
                execution["instances"].remove(instance)
                self.emit(
                    execution, "instance.state_changed", process=key, ordinal=instance["ordinal"], state="stopped"
                )

    def report(self, execution: dict[str, Any], key: str, ordinal: int, state: str, **more: Any) -> None:
        known = [i for i in execution["instances"] if (i["process"], i["ordinal"]) == (key, ordinal)]
        instance = known[0] if known else {"execution": execution["id"], "process": key, "ordinal": ordinal}
        if not known:
            execution["instances"].append(instance)
        instance.update({"state": state, "host": "127.0.0.1", "ports": {}, "restarts": 0, **more})
        self.emit(execution, "instance.state_changed", process=key, ordinal=ordinal, state=state)

    def modify(self, execution: dict[str, Any], parameters: dict[str, Any], by: str = "alice") -> None:
        merged = {**execution["parameters"], **parameters}
        execution["plan"] = self.plan({"zapp": execution["zapp"], "parameters": merged})
        execution["parameters"] = execution["plan"]["parameters"]
        self.emit(execution, "execution.scaled", parameters=execution["parameters"], by=by)
        self.soon(lambda: (self.grant(execution), self.bring(execution)))  # type: ignore[arg-type, return-value]

    def terminate(self, execution: dict[str, Any]) -> None:
        if execution["ended"] or execution["desired"] == "terminated":
            return
        execution["desired"] = "terminated"
        self.emit(execution, "execution.termination_requested", by="alice")

        def end() -> None:
            self.move(execution, "stopping")
            execution["instances"], execution["granted"] = [], {}
            self.move(execution, "terminated")

        self.soon(end)

    def keep(self, execution: dict[str, Any], seconds: int) -> None:
        if seconds > 86_400:
            raise Problem(422, "InvalidParameter", "seconds: it can be kept for at most 24 hours", parameter="seconds")
        until = datetime.now(timezone.utc) + timedelta(seconds=seconds)
        execution["life"] = {"kept_until": until.isoformat() if seconds else None}
        self.emit(execution, "execution.kept")

    def warn(self, name: str, seconds: float = 300) -> None:
        """Say that its end is near."""
        execution = self.find(name)
        expires = (datetime.now(timezone.utc) + timedelta(seconds=seconds)).isoformat()
        advice = "use it, or keep it for up to 24 hours"
        execution["life"] = {"expires": expires, "why": "idle for 60 minutes", "advice": advice}
        execution["plan"]["lifetime"] = {"detached_idle": 3600, "keep": 86_400}
        self.emit(execution, "execution.expiring", expires=expires)

    def restart(self, name: str, process_key: str = "spark.master") -> None:
        """Let an instance die and come back."""
        execution = self.find(name)

        def work() -> None:
            self.report(execution, process_key, 0, "restarting", restarts=1)
            self.move(execution, "degraded")
            self.report(execution, process_key, 0, "ready", restarts=1)
            self.move(execution, "running")

        self.soon(work)

    def cut_streams_after(self) -> int | None:
        """How many events a stream carries before it breaks; None: any number."""
        return None

    def refuse(self, method: str, path: str) -> Problem | None:
        """What to answer instead."""
        return None


class SlowZoe(FakeZoe):
    def begin(self, execution: dict[str, Any]) -> None:
        self.admit(execution)

    def release(self) -> None:
        for execution in list(self.executions.values()):
            if execution["state"] == "starting":
                self.soon(lambda execution=execution: self.run(execution))  # type: ignore[misc]


class ContestedZoe(FakeZoe):
    """Whatever alice asks for, bob asks for two more before she has them."""

    def soon(self, function: Callable[[], Any]) -> None:
        if not self.contested:
            super().soon(function)

    def modify(self, execution: dict[str, Any], parameters: dict[str, Any], by: str = "alice") -> None:
        self.contested = by == "alice"
        super().modify(execution, parameters, by)
        if self.contested:
            self.contested = False
            more = {"workers": execution["parameters"]["workers"] + 2}
            self.soon(lambda: self.modify(execution, more, by="bob"))

    contested = False


class DroppingZoe(FakeZoe):
    def cut_streams_after(self) -> int | None:
        return 2


class ShakyZoe(FakeZoe):
    def __init__(self, times: int = 2) -> None:
        super().__init__()
        self.times = times
        self.refused: dict[tuple[str, str], int] = {}

    def refuse(self, method: str, path: str) -> Problem | None:
        count = self.refused[method, path] = self.refused.get((method, path), 0) + 1
        return Problem(503, "ServiceUnavailable", "Zoe is starting.") if count <= self.times else None


class BusyZoe(FakeZoe):
    """From the second request on, asks `times` times to come back in seven seconds."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times
        self.asked = 0

    def refuse(self, method: str, path: str) -> Problem | None:
        self.asked += 1
        return Problem(429, "TooManyRequests", "Come back later.") if 1 < self.asked <= 1 + self.times else None


class FailingZoe(FakeZoe):
    def begin(self, execution: dict[str, Any]) -> None:
        self.admit(execution)
        self.log = b"looking for java\njava: not found\n"
        self.report(execution, "spark.master", 0, "failed", exit_code=127)
        self.move(execution, "failing", "There is no Java on this machine; install Java 17 or newer.")
        self.move(execution, "failed", "There is no Java on this machine; install Java 17 or newer.")


class Handler(RequestHandler):
    def initialize(self, zoe: FakeZoe) -> None:
        self.zoe = zoe
        self._gone = False

    def on_connection_close(self) -> None:
        self._gone = True
        for follower in self.zoe._followers:
            follower.set()

    async def _answer(self, path: str) -> None:
        zoe, method = self.zoe, self.request.method or ""
        zoe.requests.append((method, path, dict(self.request.headers), self.request.body))
        try:
            if self.request.headers.get("Authorization") != f"Bearer {TOKEN}":
                raise Problem(403, "NotPermitted", "This token may not use Zoe.")
            problem = zoe.refuse(method, path)
            if problem:
                raise problem
            body = json.loads(self.request.body) if self.request.body else {}
            await self._route(method, path.strip("/").split("/"), body)
        except Problem as error:
            self.set_status(error.status)
            self.set_header("Content-Type", "application/problem+json")
            if error.status == 429:
                self.set_header("Retry-After", "7")
            self.finish(json.dumps(error.document))

    async def _route(self, method: str, parts: list[str], body: dict[str, Any]) -> None:
        zoe = self.zoe
        match (method, *parts):
            case ("GET", "me"):
                self.finish({"name": "alice", "kind": "user", "admin": False, "scopes": ["custom:zoe:executions"]})
            case ("GET", "shop"):
                workers = {
                    "name": "workers", "type": "integer", "default": 2, "minimum": 0, "maximum": 100, "scales": True,
                }  # fmt: skip
                zapp = {"name": "spark", "title": "Spark", "description": "A <cluster>", "category": "interactive"}
                self.finish({"zapps": [{**zapp, "parameters": [workers], "attachable": True}], "frameworks": []})
            case ("GET", "nodes"):
                self.finish({"nodes": []})
            case ("POST", "plans"):
                self.finish(zoe.plan(body))
            case ("POST", "executions"):
                execution = zoe.submit(body, self.request.headers.get("Idempotency-Key", uuid.uuid4().hex))
                self.set_status(202)
                self.set_header("Location", f"{zoe.prefix}/api/v1/executions/{execution['id']}")
                self.finish(execution)
            case ("GET", "executions"):
                found = list(reversed(zoe.executions.values()))
                live, server = self.get_argument("live", ""), self.get_argument("server", "")
                if live:
                    found = [e for e in found if (not e["ended"]) == (live == "true")]
                if server:
                    found = [e for e in found if (e["attachment"] or {}).get("server") == server]
                self.finish({"executions": found})
            case ("GET", "executions", name):
                self.finish(zoe.find(name))
            case ("PATCH", "executions", name):
                execution = zoe.find(name)
                zoe.modify(execution, body["parameters"])
                self.set_status(202)
                self.finish(execution)
            case ("DELETE", "executions", name):
                zoe.terminate(zoe.find(name))
                self.set_status(202)
                self.finish(zoe.find(name))
            case ("PUT", "executions", name, "keep-alive"):
                zoe.keep(zoe.find(name), body["seconds"])
                self.finish(zoe.find(name))
            case ("DELETE", "executions", name, "kernels", kernel):
                if (zoe.find(name)["attachment"] or {}).get("kernel") == kernel:
                    zoe.terminate(zoe.find(name))
                self.set_status(202)
                self.finish(zoe.find(name))
            case ("PUT", "executions", name, "attachment"):
                zoe.find(name)["attachment"] = body
                zoe.emit(zoe.find(name), "execution.attached")
                self.finish(zoe.find(name))
            case ("DELETE", "executions", name, "attachment"):
                zoe.find(name)["attachment"] = None
                zoe.emit(zoe.find(name), "execution.detached")
                self.finish(zoe.find(name))
            case ("GET", "executions", name, "connection"):
                execution = zoe.find(name)
                if execution["state"] != "running":
                    raise Problem(409, "Conflict", f"{execution['name']} is {execution['state']}, not running.")
                client = {
                    "framework": "spark", "module": "client.py", "source": zoe.client_source,
                    "connection": {**zoe.connection, "name": execution["name"]},
                }  # fmt: skip
                self.finish({"execution": execution["id"], "name": execution["name"], "clients": [client], "ui": []})
            case ("GET", "executions", name, "logs"):
                zoe.find(name)
                self.set_header("Content-Type", "text/plain; charset=utf-8")
                lines = zoe.log.splitlines(keepends=True)
                tail = self.get_argument("tail", "")
                self.finish(b"".join(lines[-int(tail) :] if tail else lines))
            case ("PUT", "executions", name, "instances", key, ordinal):
                zoe.report(zoe.find(name), key, int(ordinal), body["state"])
                self.finish(zoe.find(name))
            case ("GET", "events"):
                await self._follow(self.get_argument("execution", ""))
            case _:
                raise Problem(404, "UnknownName", "There is nothing at this address.")

    async def _follow(self, execution: str) -> None:
        zoe = self.zoe
        self.set_header("Content-Type", "text/event-stream")
        position = int(self.request.headers.get("Last-Event-ID", len(zoe.events)))
        news = asyncio.Event()
        with zoe._followed:
            zoe._followers.append(news)
            zoe._followed.notify_all()
        sent, limit = 0, zoe.cut_streams_after()
        try:
            self.write(": here\n\n")
            if position < zoe.deleted and not execution:
                self.write(f'event: gap\ndata: {{"after": {position}, "deleted": {zoe.deleted}}}\n\n')
            await self.flush()
            while not self._gone and not zoe._stop.is_set():
                news.clear()
                for event in zoe.events[position:]:
                    position = event["seq"]
                    if execution in ("", event["execution"]):
                        if limit is not None and sent == limit:
                            self.write("id: 999999\ndata: {cut")
                            await self.flush()
                            self.request.connection.stream.close()  # type: ignore[union-attr]
                            return
                        sent += 1
                        self.write(f"id: {event['seq']}\nevent: {event['kind']}\ndata: {json.dumps(event)}\n\n")
                        await self.flush()
                await news.wait()
        except StreamClosedError:
            pass
        finally:
            with zoe._followed:
                zoe._followers.remove(news)
                zoe._followed.notify_all()

    get = post = put = patch = delete = _answer
