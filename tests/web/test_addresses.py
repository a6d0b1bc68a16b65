"""From where a request comes: believed are this machine and the proxies that the settings name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from zoe_hub.web.addresses import address_of, is_from_here, names_this_machine, networks


def request(peer: object, *forwarded: str, **others: str) -> HTTPServerRequest:
    headers = HTTPHeaders({"Host": "zoe"})
    for line in forwarded:
        headers.add("X-Forwarded-For", line)
    for name, value in others.items():
        headers.add(name.replace("_", "-"), value)
    connection: Any = SimpleNamespace(context=SimpleNamespace(address=peer, remote_ip="9.9.9.9"))
    return HTTPServerRequest(
        start_line=RequestStartLine("GET", "/", "HTTP/1.1"), headers=headers, connection=connection
    )


HERE = ("127.0.0.1", 4711)


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        (HERE, (), "127.0.0.1"),
        (HERE, ("203.0.113.5",), "203.0.113.5"),
        # What the client wrote itself stands first.
        (HERE, ("1.1.1.1, 203.0.113.5",), "203.0.113.5"),
        (HERE, ("1.1.1.1", "203.0.113.5"), "203.0.113.5"),
        (HERE, ("1.1.1.1, 203.0.113.5, 127.0.0.1",), "203.0.113.5"),
        (HERE, ("203.0.113.5, 10.0.0.7",), "203.0.113.5"),
        (HERE, ("203.0.113.5, 10.1.0.7",), "10.1.0.7"),
        (HERE, ("nonsense",), "127.0.0.1"),
        (HERE, ("203.0.113.5, nonsense, 10.0.0.7",), "10.0.0.7"),
        (HERE, ("",), "127.0.0.1"),
        # A peer that nobody trusts is the one who asks, whatever it says.
        (("203.0.113.9", 1), ("1.1.1.1",), "203.0.113.9"),
        (("10.0.0.7", 1), ("1.1.1.1",), "1.1.1.1"),
        (("::1", 1, 0, 0), ("2001:db8::5",), "2001:db8::5"),
        (("::ffff:127.0.0.1", 1, 0, 0), ("::ffff:203.0.113.5",), "203.0.113.5"),
        (("fe80::1%eth0", 1, 0, 2), (), "fe80::1"),
        ("", ("203.0.113.5",), "203.0.113.5"),
        (None, (), "127.0.0.1"),
    ],
)
def test_the_first_that_is_no_trusted_proxy(peer: object, forwarded: tuple[str, ...], address: str) -> None:
    assert address_of(request(peer, *forwarded), networks(["10.0.0.0/24"])) == address


def test_other_headers_count_for_nothing() -> None:
    asked = request(HERE, "203.0.113.5", X_Real_Ip="1.1.1.1", Forwarded="for=1.1.1.1")
    assert address_of(asked) == "203.0.113.5"
    assert address_of(request(HERE, X_Real_Ip="1.1.1.1")) == "127.0.0.1"


@pytest.mark.parametrize(
    ("asked", "here"),
    [
        (request(HERE), True),
        (request(("::1", 1, 0, 0)), True),
        (request(("203.0.113.5", 1)), False),
        (request(HERE, "203.0.113.5"), False),
        (request(HERE, "127.0.0.1"), False),
        (request(HERE, X_Real_Ip="127.0.0.1"), False),
        (request(HERE, X_Forwarded_Proto="https"), False),
    ],
)
def test_what_comes_through_a_proxy_is_not_from_here(asked: object, here: bool) -> None:
    assert is_from_here(cast(HTTPServerRequest, asked)) is here


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1:9999", True),
        ("localhost", True),
        ("LocalHost:80", True),
        ("[::1]:9999", True),
        ("evil.example:9999", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example:80", False),
        ("", False),
    ],
)
def test_the_name_by_which_this_machine_is_asked(host: str, own: bool) -> None:
    asked = request(HERE)
    asked.headers["Host"] = host
    assert names_this_machine(asked) is own
