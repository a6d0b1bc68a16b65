"""Free ports, one for each that an instance names."""

from __future__ import annotations

import random
import socket
from collections import deque
from collections.abc import Collection, Iterable
from pathlib import Path

from ...model.errors import LaunchFailed

_LOWEST, _HIGHEST = 10_240, 65_535
_REMEMBERED = 256


class Ports:
    """Hands out ports that nothing uses, and none twice while it is kept or was given back a short while ago.

    They lie outside the range from which the kernel takes the ports of outgoing connections, so
    that no connection takes one between its choice and its use.
    """

    def __init__(self) -> None:
        self._kept: set[int] = set()
        self._recent: deque[int] = deque(maxlen=_REMEMBERED)
        low, high = _ephemeral()
        self._candidates: list[int] = [*range(_LOWEST, low), *range(high + 1, _HIGHEST + 1)] or list(
            range(_LOWEST, _HIGHEST + 1)
        )

    def take(self, names: Collection[str]) -> dict[str, int]:
        """A port for each name. Raises LaunchFailed when there are no more."""
        return {name: self._take_one() for name in names}

    def keep(self, numbers: Iterable[int]) -> None:
        """These are in use by an instance that was there before."""
        self._kept.update(numbers)

    def give_back(self, numbers: Iterable[int]) -> None:
        """Their instance is gone."""
        for number in numbers:
            self._kept.discard(number)
            self._recent.append(number)

    def _take_one(self) -> int:
        for number in random.sample(self._candidates, min(len(self._candidates), 2000)):
            if number not in self._kept and number not in self._recent and is_free(number):
                self._kept.add(number)
                return number
        raise LaunchFailed("this machine has no free port left")


def is_free(number: int) -> bool:
    """Whether nothing on this machine uses the port, on any of its addresses."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("", number))
        except OSError:
            return False
        return True


def is_served(number: int) -> bool:
    """Whether some program accepts connections at the port. Those that an earlier one left behind do not count."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", number))
        except OSError:
            return True
        return False


def _ephemeral() -> tuple[int, int]:
    try:
        low, high = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    except OSError:
        return 32_768, 60_999
    return int(low), int(high)
