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


async def main():
    web.Application([("/echo", Echo), ("/socket", Socket)]).listen(settings["port"], "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
