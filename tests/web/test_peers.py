"""Whose process is at the other end of a connection: the kernel is asked, nobody is believed."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from zoe_hub.web.peers import user_of_peer

NOBODY = 65534


def loopback(family: int) -> socket.socket:
    try:
        return socket.create_server(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0), family=family)
    except OSError:
        pytest.skip("this machine has no such protocol")


@contextmanager
def connected(server: socket.socket, address: str) -> Iterator[tuple[socket.socket, socket.socket]]:
    with (
        closing(socket.create_connection((address, server.getsockname()[1]))) as there,
        closing(server.accept()[0]) as here,
    ):
        yield here, there


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_connection_of_our_own(family: int, address: str) -> None:
    with closing(loopback(family)) as server, connected(server, address) as (here, there):
        assert user_of_peer(here) == user_of_peer(there) == os.getuid()


def test_a_socket_for_both_protocols() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no such socket")
    server = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    with closing(server), connected(server, "127.0.0.1") as (here, _):
        assert user_of_peer(here) == os.getuid()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_a_connection_of_another_user() -> None:
    with closing(loopback(socket.AF_INET)) as server:
        child = as_nobody(lambda: socket.create_connection(server.getsockname()).recv(1))
        try:
            with closing(server.accept()[0]) as here:
                assert user_of_peer(here) == NOBODY
        finally:
            os.waitpid(child, 0)


def as_nobody(work: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        try:
            os.setuid(NOBODY)
            work()
        finally:
            os._exit(0)
    return child


def test_nobody_knows_of_what_is_closed_or_has_no_address() -> None:
    with closing(loopback(socket.AF_INET)) as server, connected(server, "127.0.0.1") as (here, there):
        there.close()
        here.close()
        assert user_of_peer(here) is None
    one, other = socket.socketpair()
    with closing(one), closing(other):
        assert user_of_peer(one) is None
