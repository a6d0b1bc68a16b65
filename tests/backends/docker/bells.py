"""A framework for tests on an engine: a tower, and ringers that ring its bell and know its word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.backends.contract import until
from tests.backends.docker.road import Road

_BELL = """
apiVersion: zoe/v1
kind: Framework
name: bell
title: Bell
options:
  - {name: ringers, type: integer, label: Ringers, default: 2, minimum: 1, maximum: 9, scales: true}
secrets:
  - name: word
processes:
  - name: tower
    command: ["${python}", "${framework.folder}/tower.py", "${self.host}", "${self.port.web}"]
    files:
      - {path: word, content: "${secret.word}"}
    ports:
      - {name: web, protocol: http}
    resources: {cpu: 0.1, memory: 64 MiB}
    readiness: {port: web, kind: http}
    shutdown: {grace: 2}
  - name: ringer
    after: [tower]
    command: ["${python}", "${framework.folder}/ringer.py", "http://${tower.host}:${tower.port.web}/", "bell-tower"]
    files:
      - {path: word, content: "${secret.word}"}
    instances: {core: 1, elastic: "{{ ringers - 1 }}"}
    resources: {cpu: 0.1, memory: 64 MiB}
    shutdown: {grace: 2}
"""
_TOWER = """
import http.server, sys
word = open("word").read()
class Tower(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/ring":
            print("rung" if self.headers.get("Word") == word else "refused", flush=True)
        self.send_response(200)
        self.end_headers()
    def log_message(self, *args):
        pass
http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Tower).serve_forever()
"""
_RINGER = """
import socket, sys, time, urllib.parse, urllib.request
host = urllib.parse.urlsplit(sys.argv[1]).hostname
assert socket.gethostbyname(sys.argv[2]) == socket.gethostbyname(host), "the name of the tower leads elsewhere"
request = urllib.request.Request(sys.argv[1] + "ring", headers={"Word": open("word").read()})
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).read()
print("has rung", flush=True)
time.sleep(1000)
"""
_ZAPP = """
apiVersion: zoe/v1
kind: ZApp
name: bells
title: Bells
parameters:
  - {name: ringers, type: integer, label: Ringers, default: 2, minimum: 1, maximum: 9, scales: true}
frameworks:
  - {framework: bell, options: {ringers: "{{ ringers }}"}}
"""


def ready(execution: dict[str, Any], count: int) -> bool:
    """Whether it runs with so many ringers, and nothing else of it is there."""
    states = [instance["state"] for instance in execution["instances"] if instance["process"] == "bell.ringer"]
    return bool(execution["state"] == "running" and states == ["ready"] * count)


async def until_rung(road: Road, name: str, times: int) -> None:
    """Wait until the tower's log tells of so many ringers that knew its word."""

    async def rung() -> bool:
        log = await road.http.get(f"/executions/{name}/logs", params={"process": "bell.tower", "ordinal": 0})
        assert "refused" not in log.text
        return log.text.splitlines().count("rung") >= times

    await until(rung, f"{times} have rung")


def write_shop(folder: Path) -> None:
    """The framework, and a ZApp of it."""
    for name, content in (
        ("bell/framework.yaml", _BELL),
        ("bell/tower.py", _TOWER),
        ("bell/ringer.py", _RINGER),
        ("zapps/bells.yaml", _ZAPP),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
