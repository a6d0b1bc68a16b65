"""The REST interface of a service without an engine."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import TYPE_CHECKING, Any

from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler

from .fake_executions import Problem

if TYPE_CHECKING:
    from .fakes import FakeZoe

TOKEN = "a-token-of-alice"


class Handler(RequestHandler):
    def initialize(self, zoe: FakeZoe) -> None:
        self.zoe = zoe
        self._gone = False

    def on_connection_close(self) -> None:
        self._gone = True
        self.zoe.tell()

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
                if execution.get("adaptation"):
                    zoe.adapt(execution, None, "off, because alice asked for a size")
                self.set_status(202)
                self.finish(execution)
            case ("DELETE", "executions", name):
                zoe.terminate(zoe.find(name))
                self.set_status(202)
                self.finish(zoe.find(name))
            case ("PUT", "executions", name, "adaptation"):
                zoe.adapt(zoe.find(name), body)
                self.finish(zoe.find(name))
            case ("DELETE", "executions", name, "adaptation"):
                zoe.adapt(zoe.find(name), None, "off, as alice asked")
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
            if position > len(zoe.events):
                self.write(f'event: gap\ndata: {{"after": {len(zoe.events)}, "deleted": {position}}}\n\n')
                position = len(zoe.events)
            elif position < zoe.deleted and not execution:
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
