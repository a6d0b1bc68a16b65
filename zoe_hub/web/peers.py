"""Whose process is at the other end of a connection within this machine.

The kernel says so (sock_diag(7)), to anybody, in one exchange that does not depend on how many connections there are.
"""

from __future__ import annotations

import socket
import struct
from ipaddress import IPv4Address, IPv6Address, ip_address

Address = IPv4Address | IPv6Address

_SOCK_DIAG = 4
"""NETLINK_SOCK_DIAG"""
_BY_FAMILY = 20
"""SOCK_DIAG_BY_FAMILY"""
_REQUEST = 1
"""NLM_F_REQUEST"""
_HEADER = struct.Struct("=IHHII")
"""nlmsghdr: length, type, flags, number, port."""
_QUESTION = struct.Struct("=BBBBI")
"""inet_diag_req_v2 before its socket: family, protocol, extensions, padding, states."""
_SOCKET = struct.Struct("!HH16s16s12s")
"""inet_diag_sockid: port here, port there, address here, address there; any interface, any cookie."""
_ANY = struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)
_ANSWER = struct.Struct("=BBBB48sIIIII")
"""inet_diag_msg: family, state, timer, retransmits, socket, expires, two queues, user, inode."""
_ESTABLISHED = 1


def user_of_peer(stream: socket.socket) -> int | None:
    """The user who opened the connection at whose other end `stream` is; None where that cannot be known.

    It cannot where that is another machine, or another namespace of the network, where the other end is closed
    already, and where the kernel does not tell.
    """
    try:
        if stream.family not in (socket.AF_INET, socket.AF_INET6):
            return None
        (here, port, *_), (there, other, *_) = stream.getsockname(), stream.getpeername()
        return _user((_address(there), other), (_address(here), port))
    # The connection is gone, or the kernel knows no such question.
    except OSError:
        return None


def _user(local: tuple[Address, int], remote: tuple[Address, int]) -> int | None:
    asked = _SOCKET.pack(local[1], remote[1], local[0].packed, remote[0].packed, _ANY)
    family = socket.AF_INET if local[0].version == 4 else socket.AF_INET6
    body = _QUESTION.pack(family, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF) + asked
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG) as kernel:
        kernel.setblocking(False)
        kernel.send(_HEADER.pack(_HEADER.size + len(body), _BY_FAMILY, _REQUEST, 0, 0) + body)
        answer = kernel.recv(4096)
    _, kind, *_ = _HEADER.unpack_from(answer)
    if kind != _BY_FAMILY or len(answer) < _HEADER.size + _ANSWER.size:
        return None
    _, state, _, _, found, *_, user, _ = _ANSWER.unpack_from(answer, _HEADER.size)
    # Of what nobody is connected to, whoever listens there is told.
    return user if state == _ESTABLISHED and found[:36] == asked[:36] else None


def _address(text: str) -> Address:
    found = ip_address(text.partition("%")[0])
    # The other end has the older protocol's, where this one is a socket for both.
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
