"""A user's notebook as the browser has it: a kernel behind the Hub's proxy, by websocket."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.spawner.hub import RealHub


@dataclass
class Result:
    """What a cell gave."""

    text: str = ""
    """Everything printed, and the plain text of results and displays."""
    printed: str = ""
    """What was printed alone, without the progress that a cell shows."""
    html: list[str] = field(default_factory=list)
    error: str = ""
    """`Name: message` of the exception, empty when there was none."""


class Notebook:
    """One kernel of a user's server. Cells run one after the other."""

    def __init__(self, http: httpx.AsyncClient, kernel: str, socket: WebSocketClientConnection) -> None:
        self.kernel = kernel
        self._http = http
        self._socket = socket

    async def run(self, code: str, *, timeout: float = 180) -> Result:
        """Run a cell to its end. Raises AssertionError with the traceback's last line when it fails."""
        result = await self.attempt(code, timeout=timeout)
        assert not result.error, f"{result.error}\n{result.text}\nin the cell\n{code}"
        return result

    async def attempt(self, code: str, *, timeout: float = 180) -> Result:
        """Run a cell that may fail."""
        return await self.finish(await self.begin(code), timeout=timeout)

    async def begin(self, code: str) -> str:
        """Send a cell and do not wait; the message's identifier."""
        message = uuid.uuid4().hex
        header = {"msg_id": message, "msg_type": "execute_request", "username": "", "session": "road", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        body = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        await self._socket.write_message(json.dumps(body))
        return message

    async def finish(self, message: str, *, timeout: float = 180) -> Result:
        """Wait for a cell to end."""
        result = Result()
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                raise TimeoutError(f"the cell did not end in {timeout} s; so far:\n{result.text}")
            raw = await asyncio.wait_for(self._socket.read_message(), left)
            assert raw is not None, "the kernel's connection was closed"
            answer = json.loads(raw)
            if answer["parent_header"].get("msg_id") == message and self._collect(answer, result):
                return result

    @staticmethod
    def _collect(answer: dict[str, Any], result: Result) -> bool:
        kind, content = answer["msg_type"], answer["content"]
        if kind == "stream":
            result.text += content["text"]
            result.printed += content["text"]
        elif kind in ("execute_result", "display_data", "update_display_data"):
            result.text += content["data"].get("text/plain", "") + "\n"
            result.html.append(content["data"].get("text/html", ""))
        elif kind == "error":
            result.error = f"{content['ename']}: {content['evalue']}"
        return bool(kind == "status" and content["execution_state"] == "idle")

    async def restart(self) -> None:
        """Restart the kernel, as the button does."""
        (await self._http.post(f"api/kernels/{self.kernel}/restart")).raise_for_status()

    async def interrupt(self) -> None:
        (await self._http.post(f"api/kernels/{self.kernel}/interrupt")).raise_for_status()


class Lab:
    """A user's running server."""

    def __init__(self, hub: RealHub, user: str, token: str, server: str = "") -> None:
        self.hub = hub
        self.user = user
        self.token = token
        self._base = f"{hub.url}/user/{user}/" + (f"{server}/" if server else "")

    @asynccontextmanager
    async def notebook(self) -> AsyncIterator[Notebook]:
        """A new kernel, shut down at the end."""
        async with open_notebook(self._base, self.token) as notebook:
            yield notebook


@asynccontextmanager
async def open_notebook(base: str, token: str) -> AsyncIterator[Notebook]:
    """A new kernel of the Jupyter server at `base`, which ends with a slash; shut down at the end."""
    headers = {"Authorization": f"token {token}"}
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=60, trust_env=False) as http:
        answer = await http.post("api/kernels", json={"name": "python3"})
        answer.raise_for_status()
        kernel = answer.json()["id"]
        url = f"{base.replace('http', 'ws', 1)}api/kernels/{kernel}/channels?session_id=road"
        socket = await websocket_connect(HTTPRequest(url, headers=headers), max_message_size=2**26)
        try:
            yield Notebook(http, kernel, socket)
        finally:
            socket.close()
            await http.delete(f"api/kernels/{kernel}")
