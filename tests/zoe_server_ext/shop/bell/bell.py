"""The tower: what a browser and a websocket send comes back."""

import asyncio
import json
import sys

from tornado import web, websocket

with open(sys.argv[1]) as file:
    settings = json.load(file)


class Echo(web.RequestHandler):
    def get(self):
        self.set_header("Set-Cookie", "stolen=1")
        self.write({"headers": dict(self.request.headers), "uri": self.request.uri})

    def post(self):
        self.write(self.request.body[::-1])


class Socket(websocket.WebSocketHandler):
    def check_origin(self, origin):
        return True

    def on_message(self, message):
        self.write_message(message[::-1], binary=isinstance(message, bytes))


class LateSocket(websocket.WebSocketHandler):
    """Opens when `Bell` is rung. `seen` tells what became of it."""

    rung = asyncio.Event()
    seen = []

    async def prepare(self):
        self.seen.append("asked")
        await self.rung.wait()

    def check_origin(self, origin):
        return True

    def open(self):
        self.seen.append("open")

    def on_close(self):
        self.seen.append("closed")


class Bell(web.RequestHandler):
    def get(self):
        self.write({"seen": LateSocket.seen})

    def post(self):
        LateSocket.rung.set()


async def main():
    pages = [("/echo", Echo), ("/socket", Socket), ("/late", LateSocket), ("/bell", Bell)]
    web.Application(pages).listen(settings["port"], "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
