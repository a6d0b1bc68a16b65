"""The dashboard: for whoever has the token, below any path, and not before somebody looks."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

import httpx
import jmespath
import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from .dask_cluster import Cluster, wait_until

pytestmark = pytest.mark.dask

PATHS = (
    "/",
    "/status",
    "/zoe.json",
    "/json/counts.json",
    "/info/main/workers.html",
    "/static/js/bokeh.min.js",
    "/nothing",
)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer"}])
def test_it_refuses_who_has_no_token(shared: Cluster, headers: dict[str, str]) -> None:
    for path in PATHS:
        assert httpx.get(shared.ui + path, headers=headers).status_code == 401
        assert httpx.post(shared.ui + path, headers=headers).status_code == 401


def test_all_that_a_page_names_is_found_below_any_prefix(shared: Cluster) -> None:
    public = "https://hub.example/services/zoe/executions/e1/ui/dask.scheduler/ui"
    with httpx.Client(headers=shared.headers, base_url=shared.ui, timeout=60) as browser:
        seen = browser.get("/")
        address = urljoin(public + "/", seen.headers["Location"])
        assert address == public + "/status"
        seen = browser.get("/status")
        if seen.is_redirect:
            assert urljoin(public + "/status", seen.headers["Location"]) == public + "/status"
            seen = browser.get("/status")
        assert seen.status_code == 200
        named = re.findall(r'(?:src|href)="([^"]+)"', seen.text)
        own = [link for link in named if urlsplit(link).netloc == "" and not link.startswith("javascript:")]
        assert [link for link in own if "bokeh" in link]
        for link in own:
            assert urljoin(public + "/status", link).startswith(public + "/")
            assert browser.get("/" + link, follow_redirects=True).status_code == 200, link
        assert browser.get("/nothing-here", follow_redirects=True).status_code == 404


async def test_the_live_pages_talk_over_a_websocket(shared: Cluster) -> None:
    async with httpx.AsyncClient(headers=shared.headers, base_url=shared.ui, timeout=60) as browser:
        await browser.get("/status")
        page = await browser.get("/status")
    token = re.search(r'"token":"([^"]+)"', page.text)
    assert token is not None
    address = shared.ui.replace("http", "ws", 1) + "/status/ws"
    origin = {"Origin": "https://hub.example"}

    socket = await websocket_connect(
        HTTPRequest(address, headers={**shared.headers, **origin}), subprotocols=["bokeh", token[1]]
    )
    greeting = await socket.read_message()
    socket.close()

    assert greeting is not None
    with pytest.raises(HTTPClientError, match="401"):
        await websocket_connect(HTTPRequest(address, headers=origin), subprotocols=["bokeh", token[1]])


def test_the_status_shows_workers_and_cores(shared: Cluster) -> None:
    status = shared.plan.framework("dask").status
    assert status is not None

    def figures() -> dict[str, float]:
        answer = httpx.get(shared.ui + status.path, headers=shared.headers).raise_for_status().json()
        return {name: jmespath.search(expression, answer) for name, expression in status.fields.items()}

    wait_until(lambda: figures()["workers"] == 2)
    assert {**figures(), "memory": 0} == {"workers": 2, "cores": 2, "running": 0, "waiting": 0, "memory": 0}


def test_a_cluster_that_nobody_looks_at_loads_no_dashboard(cluster: Cluster) -> None:
    with open(f"/proc/{cluster.scheduler.popen.pid}/maps") as maps:
        before = maps.read()
    assert httpx.get(cluster.ui + "/zoe.json", headers=cluster.headers).status_code == 200
    assert "bokeh" not in before
