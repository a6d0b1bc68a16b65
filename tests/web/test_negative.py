"""What is malformed, too large or ill-meant is refused in a sentence, and never a 500."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from urllib.parse import quote

import httpx
import pytest

from .conftest import OWN, Site, Starter, client_of

ILL_MEANT = [
    "'; DROP TABLE executions; --",
    "../../etc/passwd",
    "..%2F..%2Fetc%2Fpasswd",
    "$(reboot)",
    "`reboot`",
    "{{ 7 * 7 }}",
    "${secret.auth}",
    "<script>alert(1)</script>",
    "a\nb: c",
    "\u202etxt",
    "x" * 5000,
    "%00",
    "\U0001f600",
    "-rf",
    "%s%n",
]


@pytest.mark.parametrize("text", ILL_MEANT)
async def test_ill_meant_names_are_refused(alice: httpx.AsyncClient, text: str) -> None:
    for body in (
        {"zapp": text},
        {"zapp": "toys", "name": text},
        {"zapp": "toys", "attachment": {"server": text}},
        {"zapp": "toys", "attachment": {"server": f"alice/{text}", "kernel": text + "\x01"}},
        {"zapp": "toys", "parameters": {text: 1}},
        {"zapp": "toys", "parameters": {"workers": text}},
        {"definition": {**OWN, "name": text}},
        {"definition": {**OWN, "frameworks": [{"framework": text}]}},
    ):
        answer = await alice.post("/executions", json=body)
        assert answer.status_code in (403, 404, 422), (body, answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert (await alice.get("/executions")).json()["executions"] == []


@pytest.mark.parametrize("text", [text for text in ILL_MEANT if text.isprintable() and len(text) < 4000])
async def test_ill_meant_identifiers_are_unknown(alice: httpx.AsyncClient, text: str) -> None:

    for place in (
        "/executions/{}",
        "/executions/{}/connection",
        "/executions/{}/logs",
        "/executions/{}/events",
        "/zapps/{}",
    ):
        answer = await alice.get(place.format(quote(text, safe="")))
        assert answer.status_code == 404, answer.text
    assert (await alice.get("/events", params={"execution": text})).status_code == 404


async def test_a_value_stays_what_it_is(alice: httpx.AsyncClient, site: Site) -> None:
    for motto in ("${secret.auth}", "{{ 7 * 7 }}", "$(reboot)"):
        answer = await alice.post("/executions", json={"zapp": "toys", "parameters": {"motto": motto}})
        assert answer.status_code == 202
        plan = (await site.context.store.get(answer.json()["id"])).plan
        assert plan.process("toy.head").command == ("run-head", f"--motto={motto.replace('$', '$$')}")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 400, "JSON"),
        (b"{", 400, "line 1"),
        (b'{"zapp": "toys",\n}', 400, "line 2"),
        (b"[1, 2]", 422, "body"),
        (b"null", 422, "body"),
        (b'{"zapp": NaN}', 400, "NaN"),
        (b'{"zapp": "\xff"}', 400, "UTF-8"),
        (b'{"zapp": "\\ud800"}', 400, "Unicode"),
        (b'{"zapp": "a\\u0000b"}', 400, "NUL"),
        (b'{"parameters": {"workers": ' + b"9" * 5000 + b'}, "zapp": "toys"}', 400, ""),
        (b'{"zapp": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "deep"),
        (b'{"parameters": ' + b'{"a":' * 80 + b"1" + b"}" * 80 + b"}", 400, "deep"),
        (b'{"parameters": [' + b"[]," * 5000 + b'[]], "zapp": "toys"}', 400, "5,000 values"),
        (b"{}", 422, "zapp"),
        (json.dumps({"zapp": "toys", "definition": OWN}).encode(), 422, "not both"),
        (b'{"zap": "toys"}', 422, "zap"),
        (b'{"zapp": 7}', 422, "zapp"),
        (b'{"zapp": "toys", "parameters": {"workers": 1.5}}', 422, "workers"),
        (b'{"zapp": "toys", "parameters": {"workers": [1]}}', 422, "workers"),
        (b'{"zapp": "toys", "parameters": {"wrokers": 1}}', 422, "did you mean workers"),
        (b'{"zapp": "toys", "owner": "bob"}', 403, "custom:zoe:admin:executions"),
    ],
)
async def test_bad_bodies_are_refused(alice: httpx.AsyncClient, body: bytes, status: int, said: str) -> None:
    answer = await alice.post("/executions", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert said in answer.json()["detail"]


@pytest.mark.parametrize("media", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_other_media_are_refused(alice: httpx.AsyncClient, media: str | None) -> None:
    answer = await alice.post("/executions", content=b"{}", headers={"Content-Type": media} if media else {})
    assert answer.status_code == 415


async def test_large_bodies_are_refused(alice: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(3 * 16):
            yield b" " * 65536

    json_type = {"Content-Type": "application/json"}
    for content in (b" " * (2**18 + 1), endless()):
        answer = await alice.post("/executions", content=content, headers=json_type)
        assert answer.status_code == 413
        assert "256 KiB" in answer.json()["detail"]
    async with httpx.AsyncClient(base_url=alice.base_url, trust_env=False) as stranger:
        answer = await stranger.post("/executions", content=b" " * 2**18, headers=json_type)
        assert answer.status_code == 401, "who is refused hears why, though the body is still on its way"
    reader, writer = await asyncio.open_connection(alice.base_url.host, alice.base_url.port)
    head = f"POST {alice.base_url.path}executions HTTP/1.1\r\nHost: hub\r\nAuthorization: token alice-token\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: {2**40}\r\n\r\n".encode())
    assert b" 413 " in await asyncio.wait_for(reader.readline(), 20)
    writer.close()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/executions?liv=true", 400),
        ("GET", "/executions?live=perhaps", 400),
        ("GET", "/executions?live=true&live=false", 400),
        ("GET", "/executions?limit=0", 400),
        ("GET", "/shop?x=1", 400),
        ("GET", "/events?last_event_id=x", 400),
        ("GET", "/events?execution=a%00b", 400),
        ("GET", "/nothing", 404),
        ("GET", "/executions/", 404),
        ("GET", "/executions/a/b/c/d", 404),
        ("GET", "/../../../etc/passwd", 404),
        ("PUT", "/executions", 405),
        ("DELETE", "/shop", 405),
        ("HEAD", "/shop", 405),
    ],
)
async def test_bad_addresses_are_refused(alice: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    answer = await alice.request(method, path)
    assert answer.status_code == status
    if method != "HEAD":
        assert answer.json()["status"] == status


@pytest.mark.parametrize(
    "header", [{"Idempotency-Key": "x" * 201}, {"Idempotency-Key": "a b"}, {"Idempotency-Key": ""}]
)
async def test_bad_keys_are_refused(alice: httpx.AsyncClient, header: dict[str, str]) -> None:
    assert (await alice.post("/executions", json={"zapp": "toys"}, headers=header)).status_code == 400


@pytest.mark.parametrize(
    "authorization", ["token wrong", "Basic YWxpY2U6eA==", "token", "", "Bearer " + "x" * 5000, "token alice-token x"]
)
async def test_bad_tokens_are_refused(site: Site, authorization: str) -> None:
    async with client_of(site, None) as client:
        answer = await client.get("/me", headers={"Authorization": authorization})
    assert answer.status_code == 401


@pytest.mark.parametrize("ordinal", ["-1", "1", "x", "99999999999999999999", "0x0", "\u0660"])
async def test_bad_ordinals_are_refused(service: httpx.AsyncClient, ordinal: str) -> None:
    body = {"zapp": "desk-app", "owner": "alice", "attachment": {"server": "alice/"}}
    execution = (await service.post("/executions", json=body)).json()["id"]
    place = f"/executions/{execution}/instances/desk.server/{ordinal}"
    assert (await service.put(place, json={"state": "ready"})).status_code == 422


async def test_the_access_log_keeps_secrets_to_itself(
    alice: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    await alice.get("/me", params={"token": "sesame", "_xsrf": "sesame", "access_token": "sesame", "x": "private"})
    await alice.post("/executions", json={"zapp": "toys", "parameters": {"motto": "private"}})
    lines = [record for record in caplog.records if record.name == "zoe_hub.access"]
    assert [line.__dict__["operation"] for line in lines] == ["get_me", "submit_execution"]
    assert not any(word in str(line.__dict__) for line in lines for word in ("sesame", "private", "alice-token"))


async def test_answers_carry_headers_that_protect(alice: httpx.AsyncClient, start: Starter) -> None:
    headers = (await alice.get("/me")).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "private" in headers["Cache-Control"]
    assert "Server" not in headers


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [("api/v1/shop", "wrong", 401), ("api/v1/shop", "nothing-token", 403), ("nothing", "alice-token", 404)],
)
async def test_a_connection_that_is_closed_after_a_refusal_is_said_to_be(
    site: Site, path: str, token: str, status: int
) -> None:
    """A proxy keeps connections, and would lose the next request in one of which it was not told."""
    host = httpx.URL(site.url)
    reader, writer = await asyncio.open_connection(host.host, host.port)
    for _ in range(2):
        request = f"GET {host.path}{path} HTTP/1.1\r\nHost: hub\r\nAuthorization: token {token}\r\n\r\n"
        writer.write(request.encode())
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)).decode().lower()
        assert f" {status} " in head
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        await reader.readexactly(length)
        if "connection: close" in head:
            assert await asyncio.wait_for(reader.read(), 20) == b""
            break
    writer.close()
