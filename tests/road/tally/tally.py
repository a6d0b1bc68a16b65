"""Both processes of the framework."""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen

total, members, queue = [0], [0], [0]


class Counter(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer({"members": members[0], "total": total[0], "queue": queue[0]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if body["word"] != settings["word"]:
            self.send_error(403)
            return
        members[0] += body.get("members", 0)
        total[0] += body.get("add", 0)
        queue[0] += body.get("queue", 0)
        self.answer({"total": total[0]})

    def answer(self, document):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(document).encode())


role, path = sys.argv[1:]
with open(path) as file:
    settings = json.load(file)
if role == "counter":
    ThreadingHTTPServer(("127.0.0.1", settings["port"]), Counter).serve_forever()
else:
    urlopen(Request(settings["url"], json.dumps({"word": settings["word"], "members": 1}).encode(), method="POST"))
    while True:
        time.sleep(60)
