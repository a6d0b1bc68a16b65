"""From where a request comes, told only by those who are trusted to say it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from tornado.httputil import HTTPServerRequest

from .peers import user_of_peer

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-Ip", "X-Forwarded-Host", "X-Forwarded-Proto")
HERE = "127.0.0.1"
_OWN_NAMES = frozenset({HERE, "localhost", "[::1]"})


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks as administrators write them. Raises ValueError."""
    return tuple(ip_network(text.strip()) for text in texts)


def address_of(request: HTTPServerRequest, proxies: Sequence[Network] = ()) -> str:
    """The address of whoever sent the request, as seen by the first proxy that is trusted.

    Trusted are this machine and `proxies`. Each proxy appends to ``X-Forwarded-For`` whom it serves, so the
    header is read from its end, and not beyond the first address that is none of theirs: what stands before
    it, anybody may have written. Other headers count for nothing.
    """
    address = _peer(request)
    for text in _told(request):
        if not _trusted(address, proxies):
            break
        told = _parsed(text)
        if told is None:
            break
        address = told
    return str(address)


def sender_of(request: HTTPServerRequest, proxies: Sequence[Network] = ()) -> str:
    """Who sent the request, as far as the network tells: its address, and on this machine also the account of the
    process at the other end, which may say any address.
    """
    address = address_of(request, proxies)
    if not _peer(request).is_loopback:
        return address
    stream = getattr(getattr(request.connection, "stream", None), "socket", None)
    user = None if stream is None else user_of_peer(stream)
    return f"{address} by {'somebody' if user is None else user}"


def is_from_here(request: HTTPServerRequest) -> bool:
    """Whether a process of this machine sent the request itself: no proxy says that it serves somebody else."""
    return _peer(request).is_loopback and not any(name in request.headers for name in _FORWARDED)


def names_this_machine(request: HTTPServerRequest) -> bool:
    """Whether ``Host`` is the loopback's own name: a browser says the name by which its page was loaded.

    A page of another name that leads to 127.0.0.1 (DNS rebinding) is so told from a program that means this machine.
    """
    name = request.headers.get("Host", "").lower()
    return re.sub(r":[0-9]*$", "", name) in _OWN_NAMES


def _peer(request: HTTPServerRequest) -> Address:
    """The other end of the connection. Tornado's `remote_ip` is no such thing: it believes ``X-Real-Ip``."""
    context = getattr(request.connection, "context", None)
    address = getattr(context, "address", None)
    if isinstance(address, tuple) and address:
        return _parsed(str(address[0])) or ip_address(HERE)
    # A unix socket has no address.
    return ip_address(HERE)


def _told(request: HTTPServerRequest) -> Iterator[str]:
    for line in reversed(request.headers.get_list("X-Forwarded-For")):
        yield from reversed(line.split(","))


def _trusted(address: Address, proxies: Sequence[Network]) -> bool:
    return address.is_loopback or any(address.version == net.version and address in net for net in proxies)


def _parsed(text: str) -> Address | None:
    try:
        found = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    # As a socket for both protocols writes the older one's.
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
