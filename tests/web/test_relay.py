"""Pages of clusters, relayed: against a small page with a websocket."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler, websocket_connect

from zoe_hub.web.limits import Limits

from .conftest import PREFIX, Site, Starter, client_of, serve


class Echo(RequestHandler):
    """Says what it was asked, and sets what must not get through."""

    SUPPORTED_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND")

    def answer(self) -> None:
        self.set_header("Content-Type", "application/json")
        self.set_header("Set-Cookie", "jupyterhub-session-id=stolen; Path=/")
        self.set_header("Service-Worker-Allowed", "/")
        self.set_header("Clear-Site-Data", "*")
        self.set_header("Access-Control-Allow-Origin", "*")
        self.set_header("X-Own", "kept")
        self.finish(
            json.dumps(
                {
                    "method": self.request.method,
                    "uri": self.request.uri,
                    "headers": {k.lower(): v for k, v in self.request.headers.get_all()},
                    "size": len(self.request.body),
                }
            )
        )

    get = post = put = patch = delete = options = answer

    def head(self) -> None:
        self.set_header("Content-Length", "12345")


class Moved(RequestHandler):
    def get(self) -> None:
        self.set_status(302)
        self.set_header("Location", self.get_argument("to").replace("OWN", self.request.host))


class Endless(RequestHandler):
    gone: asyncio.Event

    async def get(self) -> None:
        self.write(b"first")
        await self.flush()
        await self.gone.wait()

    def on_connection_close(self) -> None:
        self.gone.set()


class Large(RequestHandler):
    async def get(self) -> None:
        for _ in range(64):
            self.write(b"x" * 2**20)
            await self.flush()


class Half(RequestHandler):
    async def get(self) -> None:
        self.set_header("Content-Length", "1000")
        self.write(b"half")
        await self.flush()
        self.request.connection.stream.close()  # type: ignore[union-attr]


class Odd(RequestHandler):
    """Answers with headers that are no ASCII, and for everybody to keep."""

    async def get(self) -> None:
        stream = self.detach()
        await stream.write(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Odd: caf\xc3\xa9 \xff\xe2\x82\xac\r\n"
            b"Cache-Control: public, max-age=60, s-maxage=600\r\n\r\nok"
        )
        stream.close()


class Switching(RequestHandler):
    async def get(self) -> None:
        stream = self.detach()
        await stream.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: upgrade\r\n\r\nhello")
        stream.close()


class Talk(WebSocketHandler):
    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return "bokeh" if "bokeh" in subprotocols else None

    def open(self) -> None:
        self.write_message(json.dumps({k.lower(): v for k, v in self.request.headers.get_all()}))

    async def on_message(self, message: Any) -> None:
        if message == "go away":
            self.close(4001, "as you wish")
        else:
            await self.write_message(message, binary=isinstance(message, bytes))


@pytest_asyncio.fixture
async def page() -> AsyncIterator[int]:
    """A cluster's page; gives its port."""
    Endless.gone = asyncio.Event()
    rules = [("/moved", Moved), ("/endless", Endless), ("/large", Large), ("/half", Half), ("/ws", Talk)]
    rules += [("/odd", Odd), ("/switching", Switching), ("/.*", Echo)]
    server = HTTPServer(
        Application([(f"(?:{PREFIX}.*)?{path}", handler) for path, handler in rules]), max_body_size=2**28
    )
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    yield sockets[0].getsockname()[1]
    server.stop()
    await server.close_all_connections()


@pytest_asyncio.fixture
async def base(site: Site, page: int, start: Starter) -> str:
    """Public address of the page, without a slash at the end."""
    execution = await start(ports={"rpc": page, "web": page, "deep": page, "inside": page})
    return f"{site.url}executions/{execution}/ui/toy.head/web"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_every_method_gets_through_without_the_callers_credentials(
    base: str, alice: httpx.AsyncClient, method: str, page: int
) -> None:
    headers = {"Cookie": "login=x", "X-XSRFToken": "y", "X-Other": "z", "X-Forwarded-Prefix": "/evil"}
    answer = await alice.request(method, f"{base}/a%2Fb/c?d=e%20f", headers=headers, content=b"12345")
    seen = answer.json()
    assert (seen["method"], seen["uri"], seen["size"]) == (method, "/a%2Fb/c?d=e%20f", 5)
    assert "cookie" not in seen["headers"]
    assert "authorization" not in seen["headers"]
    assert "x-xsrftoken" not in seen["headers"]
    assert seen["headers"]["x-other"] == "z"
    assert seen["headers"]["host"] == f"127.0.0.1:{page}"
    assert seen["headers"]["x-forwarded-prefix"] == base.partition("127.0.0.1:")[2].partition("/")[2].join(["/", ""])
    assert seen["headers"]["x-door"].startswith("B ey")
    assert answer.headers["X-Own"] == "kept"
    for header in ("Set-Cookie", "Service-Worker-Allowed", "Clear-Site-Data", "Access-Control-Allow-Origin"):
        assert header not in answer.headers


async def test_a_head_is_answered_with_headers_alone(base: str, alice: httpx.AsyncClient) -> None:
    answer = await alice.head(f"{base}/x")
    assert answer.status_code == 200
    assert answer.headers["Content-Length"] == "12345"
    assert (await alice.get(f"{base}/x")).status_code == 200


async def test_the_prefix_is_kept_where_the_page_wants_it(base: str, alice: httpx.AsyncClient) -> None:
    deep = base.removesuffix("web") + "deep"
    seen = (await alice.get(f"{deep}/x")).json()
    assert seen["uri"].startswith(PREFIX)
    assert seen["uri"].endswith("/ui/toy.head/deep/x")


async def test_large_bodies_stream_both_ways(base: str, alice: httpx.AsyncClient) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(32):
            yield b"x" * 2**20

    assert (await alice.post(f"{base}/up", content=body())).json()["size"] == 32 * 2**20
    assert len((await alice.get(f"{base}/large")).content) == 64 * 2**20


async def test_an_answer_without_an_end_arrives_as_it_is_written(base: str, alice: httpx.AsyncClient) -> None:
    async with alice.stream("GET", f"{base}/endless") as answer:
        async for chunk in answer.aiter_bytes():
            assert chunk == b"first"
            break
    await asyncio.wait_for(Endless.gone.wait(), 20)


async def test_headers_get_through_byte_by_byte(base: str, alice: httpx.AsyncClient) -> None:
    answer = await alice.get(f"{base}/odd")
    assert (answer.status_code, answer.text) == (200, "ok")
    assert (b"x-odd", b"caf\xc3\xa9 \xff\xe2\x82\xac") in [(name.lower(), value) for name, value in answer.headers.raw]


async def test_what_is_no_ascii_gets_through(base: str, page: int) -> None:
    place = urlsplit(base)
    reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
    asked = f"GET {place.path}/caf".encode() + b"\xc3\xa9 HTTP/1.1\r\nHost: x\r\nAuthorization: token alice-token\r\n"
    writer.write(asked + b"X-Odd: \x9b\xff\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    seen = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert (seen["uri"], seen["headers"]["x-odd"]) == ("/caf%C3%A9", "\x9b\xff")


async def test_a_redirection_to_what_is_no_address_is_refused(base: str, alice: httpx.AsyncClient) -> None:
    assert (await alice.get(f"{base}/moved", params={"to": "http://["}, follow_redirects=False)).status_code == 502


async def test_a_websocket_whose_browser_has_left_is_not_kept_open(site: Site, start: Starter) -> None:
    asked, answering, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await answering.wait()
        key = next(line.split()[1] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
        accepted = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        writer.write(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n")
        writer.write(b"Sec-WebSocket-Accept: " + accepted + b"\r\n\r\n")
        await reader.read(100)  # the closing, or the end
        writer.close()
        ended.set()

    behind = await asyncio.start_server(slow, "127.0.0.1", 0)
    port = behind.sockets[0].getsockname()[1]
    execution = await start(ports={"rpc": port, "web": port, "deep": port, "inside": port})
    context = dataclasses.replace(site.context, limits=Limits(streams=1))
    async with serve(context) as (url, _):
        place = urlsplit(f"{url}executions/{execution}/ui/toy.head/web/ws")
        _, browser = await asyncio.open_connection("127.0.0.1", place.port)
        browser.write(
            f"GET {place.path} HTTP/1.1\r\nHost: x\r\nAuthorization: token alice-token\r\nUpgrade: websocket\r\n"
            "Connection: upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        await asyncio.wait_for(asked.wait(), 20)
        browser.close()
        async with client_of(dataclasses.replace(site, url=url), "alice-token") as alice:
            for _ in range(20):  # the leaving is noticed meanwhile
                await alice.get("/me")
            counted = (await alice.get(f"/executions/{execution}/logs")).status_code
            assert counted == 429, "it counts as open as long as the page has not answered"
            answering.set()
            await asyncio.wait_for(ended.wait(), 20)
            for _ in range(500):
                if (await alice.get(f"/executions/{execution}/logs")).status_code != 429:
                    break
                await asyncio.sleep(0.01)
            else:
                raise AssertionError("it still counts as open")
    behind.close()


async def test_no_shared_cache_keeps_a_page(base: str, alice: httpx.AsyncClient) -> None:
    assert (await alice.get(f"{base}/odd")).headers["Cache-Control"] == "private, max-age=60"
    plain = await alice.get(f"{base}/x")
    assert plain.headers["Cache-Control"] == "private"
    assert "Cookie" in plain.headers["Vary"]


async def test_a_page_that_switches_protocols_is_refused(base: str, alice: httpx.AsyncClient) -> None:
    assert (await alice.get(f"{base}/switching")).status_code == 502


async def test_half_an_answer_is_not_taken_for_a_whole_one(base: str, alice: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await alice.get(f"{base}/half")


@pytest.mark.parametrize(
    ("said", "leads"),
    [
        ("/jobs/?a=b", "PAGE/jobs/?a=b"),
        ("http://OWN/jobs/", "PAGE/jobs/"),
        ("stages/", "stages/"),
        ("https://spark.apache.org/docs", "https://spark.apache.org/docs"),
        ("http://OWN//evil.example/", "PAGE/evil.example/"),
    ],
)
async def test_redirections_stay_below_the_page(base: str, alice: httpx.AsyncClient, said: str, leads: str) -> None:
    answer = await alice.get(f"{base}/moved", params={"to": said})
    assert answer.status_code == 302
    path = httpx.URL(base).path
    assert answer.headers["Location"] == leads.replace("PAGE", path)


async def test_the_page_without_a_slash_leads_to_the_one_with(base: str, alice: httpx.AsyncClient) -> None:
    answer = await alice.get(f"{base}?a=b")
    assert answer.status_code == 307
    assert answer.headers["Location"] == httpx.URL(base).path + "/?a=b"


async def test_nobody_but_the_owner_gets_the_page(
    base: str, bob: httpx.AsyncClient, admin: httpx.AsyncClient, stranger: httpx.AsyncClient, service: httpx.AsyncClient
) -> None:
    assert (await bob.get(f"{base}/")).status_code == 404
    assert (await admin.get(f"{base}/")).status_code == 403
    assert (await service.get(f"{base}/")).status_code == 403
    assert (await stranger.get(f"{base}/")).status_code == 401
    to_login = await stranger.get(f"{base}/", headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"})
    assert (to_login.status_code, to_login.headers["Location"]) == (302, "/hub/login")


@pytest.mark.parametrize(
    "path",
    ["toy.head/rpc/", "toy.head/inside/", "toy.worker/web/", "toy.head/127.0.0.1:22/", "..%2F..%2Fx/web/", "head/web/"],
)
async def test_only_pages_are_relayed(base: str, alice: httpx.AsyncClient, path: str) -> None:
    assert (await alice.get(base.removesuffix("toy.head/web") + path)).status_code == 404


@pytest.mark.parametrize(
    "rest", ["//evil.example/", "/@evil.example/", "/\\evil.example", "/http://evil.example/", "/%2e%2e/x"]
)
async def test_no_path_leads_to_another_host(base: str, site: Site, rest: str, page: int) -> None:
    host = httpx.URL(site.url)
    reader, writer = await asyncio.open_connection(host.host, host.port)
    request = f"GET {httpx.URL(base).path}{rest} HTTP/1.1\r\nHost: hub\r\nAuthorization: token alice-token\r\n"
    writer.write(f"{request}Connection: close\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    assert b" 200 " in answer.split(b"\r\n")[0]
    assert f'"host": "127.0.0.1:{page}"'.encode() in answer


async def test_a_page_of_another_site_changes_nothing(base: str, site: Site) -> None:
    async with client_of(site, None, cookies={"login": "alice-token"}) as browser:
        own = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
        assert (await browser.get(f"{base}/x", headers=own)).status_code == 200
        assert (await browser.post(f"{base}/x", headers=own)).status_code == 200
        other = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
        assert (await browser.post(f"{base}/x", headers=other)).status_code in (401, 403)
        assert (await browser.post(f"{base}/x", headers={"Origin": "http://evil.example"})).status_code in (401, 403)
        assert (
            await browser.post(f"{base}/x", headers={"Origin": site.url.partition("/hubpath")[0]})
        ).status_code == 200


async def test_a_page_that_is_away_is_explained(site: Site, start: Starter, alice: httpx.AsyncClient) -> None:
    execution = await start()
    place = f"{site.url}executions/{execution}/ui/toy.head/web/"
    answer = await alice.get(place)
    assert answer.status_code == 502
    assert "could not be reached" in answer.json()["detail"]
    in_browser = await alice.get(place, headers={"Accept": "text/html"})
    assert "<h1>Bad Gateway</h1>" in in_browser.text
    queued = (await alice.post("/executions", json={"zapp": "toys"})).json()
    away = await alice.get(f"{site.url}executions/{queued['id']}/ui/toy.head/web/")
    assert (away.status_code, away.headers["Retry-After"]) == (503, "5")
    assert "queued" in away.json()["detail"]


def _socket(base: str, **headers: str) -> HTTPRequest:
    return HTTPRequest(base.replace("http://", "ws://") + "/ws", headers=headers)


async def test_websockets_carry_text_and_bytes_and_their_end(base: str, page: int) -> None:
    request = _socket(base, Authorization="Bearer alice-token", Cookie="login=secret")
    socket = await websocket_connect(request, subprotocols=["other", "bokeh"])
    assert socket.selected_subprotocol == "bokeh"
    seen = json.loads(await socket.read_message() or "")
    assert seen["host"] == f"127.0.0.1:{page}"
    assert seen["origin"] == f"http://127.0.0.1:{page}"
    assert seen["x-door"].startswith("B ey")
    assert not {"cookie", "authorization"} & seen.keys()
    for message in ("hello", b"\x00\xff", "x" * 2**21):
        await socket.write_message(message, binary=isinstance(message, bytes))
        assert await socket.read_message() == message
    await socket.write_message("go away")
    assert await socket.read_message() is None
    assert (socket.close_code, socket.close_reason) == (4001, "as you wish")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "token bob-token"}, 404),
        ({"Authorization": "token admin-token"}, 403),
        ({"Cookie": "login=alice-token", "Origin": "http://evil.example"}, 403),
        ({"Cookie": "login=alice-token", "Origin": "null"}, 403),
    ],
)
async def test_websockets_of_others_are_refused(base: str, headers: dict[str, str], status: int) -> None:
    with pytest.raises(HTTPClientError) as refused:
        await websocket_connect(_socket(base, **headers))
    assert refused.value.code == status


async def test_a_websocket_to_a_page_that_is_away_is_refused(site: Site, start: Starter) -> None:
    base = f"{site.url}executions/{await start()}/ui/toy.head/web"
    with pytest.raises(HTTPClientError) as refused:
        await websocket_connect(_socket(base, Authorization="token alice-token"))
    assert refused.value.code == 502
