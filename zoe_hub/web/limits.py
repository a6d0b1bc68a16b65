"""What one caller may use of the service: requests, streams, ZApps. What executions may use, quotas say.

Requests are counted in memory, by token buckets: each caller's bucket holds `burst` requests and is
filled again at `rate` a second; a large body counts as several. A caller is a name, whichever of its tokens
it uses; those whom nobody knows are told apart by their address, on this machine also by their account, and
get a tenth.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from ..model.errors import TooManyRequests
from .callers import Caller

_REMEMBERED = 10_000
"""Buckets, and good tokens: the least recently used are forgotten."""
_STRANGERS = 0.1
_STREAM_RETRY = 5.0
_TURNS = 2
"""Large answers of one caller that are made at the same time."""
_WEIGHT = 4096
"""Bytes of a body that cost as much as a request: to read and check what one megabyte says takes half a second."""


@dataclass(frozen=True)
class Limits:
    """For each caller, or owner; 0 means no limit."""

    zapps: int = 100
    """ZApps that one owner keeps."""
    streams: int = 0
    """Event streams, logs, and requests and websockets of clusters' pages, that are open at the same time."""
    rate: float = 0.0
    """Requests a second, over a long time."""
    burst: int = 0
    """Requests that may come at once; at least 1 where there is a rate."""


class Buckets:
    """Token buckets by key, filled at `rate` a second up to `size`."""

    def __init__(self, rate: float, size: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._size = max(size, 1.0)
        self._clock = clock
        self._found: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> float:
        """Take one; returns 0, or the seconds after which there will be one again, having taken nothing."""
        if self._rate <= 0:
            return 0.0
        now = self._clock()
        left, at = self._found.pop(key, (self._size, now))
        left = min(self._size, left + (now - at) * self._rate)
        missing = max(0.0, 1.0 - left)
        self._found[key] = (left if missing else left - 1.0, now)
        while len(self._found) > _REMEMBERED:
            self._found.popitem(last=False)
        return missing / self._rate

    def owe(self, key: str, amount: float) -> float:
        """Take more than there may be, once there is no debt; returns 0, or the seconds after which there is none."""
        if self._rate <= 0:
            return 0.0
        now = self._clock()
        left, at = self._found.get(key, (self._size, now))
        left = min(self._size, left + (now - at) * self._rate)
        if left < 0:
            return -left / self._rate
        self._found[key] = (left - amount, now)
        return 0.0

    def give_back(self, key: str) -> None:
        """Undo one `take`."""
        if key in self._found:
            left, at = self._found[key]
            self._found[key] = (min(self._size, left + 1.0), at)


class Meter:
    """Counts what callers use, and refuses what is too much. Bound to one event loop."""

    def __init__(
        self, limits: Limits, clock: Callable[[], float] = time.monotonic, *, own_token: str | None = None
    ) -> None:
        self.limits = limits
        self._own = None if own_token is None else _digest(own_token)
        self._callers = Buckets(limits.rate, limits.burst, clock)
        self._strangers = Buckets(limits.rate * _STRANGERS, limits.burst * _STRANGERS, clock)
        self._good: OrderedDict[bytes, None] = OrderedDict()
        self._streams: dict[str, int] = {}
        self._turns: dict[str, tuple[asyncio.Semaphore, int]] = {}

    def count(self, caller: Caller) -> None:
        """One request. Raises TooManyRequests. A service that acts for everybody is not limited."""
        if caller.kind == "service" and caller.admin:
            return
        self._refuse(self._callers.take(_key(caller)))

    def weigh(self, caller: Caller, size: int) -> None:
        """The body of a request that was counted, in bytes: it costs as much as so many requests more.

        Raises TooManyRequests while the caller owes for earlier ones. A service that acts for everybody is not limited.
        """
        if size >= _WEIGHT and not (caller.kind == "service" and caller.admin):
            self._refuse(self._callers.owe(_key(caller), size / _WEIGHT))

    def knows(self, token: str) -> bool:
        """Whether the token was somebody's when it came last: it is no guess, whoever sends it."""
        digest = _digest(token)
        return digest == self._own or digest in self._good

    def guess(self, sender: str, token: str) -> None:
        """A token that has to be asked about: guessing is limited, for each sender. Raises TooManyRequests.

        Follow it with `known` once the token turned out to be somebody's. The service's own is no guess: the spawner
        calls with it from this machine, where whoever runs a notebook could use up what guesses there are.
        """
        if not self.knows(token):
            self._refuse(self._strangers.take(sender))

    def known(self, sender: str, token: str) -> None:
        """The token is somebody's: it was no guess, and is none the next time."""
        digest = _digest(token)
        if digest == self._own:
            return
        if digest not in self._good:
            self._strangers.give_back(sender)
        self._good[digest] = None
        self._good.move_to_end(digest)
        while len(self._good) > _REMEMBERED:
            self._good.popitem(last=False)

    def forget(self, token: str) -> None:
        """The token is nobody's any more."""
        self._good.pop(_digest(token), None)

    @asynccontextmanager
    async def turn(self, caller: Caller | None) -> AsyncIterator[None]:
        """Make a large answer, when those that the caller asked for before are made: others wait for two at most.

        A caller that is not known, or a service that acts for everybody, need not wait.
        """
        if caller is None or (caller.kind == "service" and caller.admin):
            yield
            return
        key = _key(caller)
        turns, waiting = self._turns.get(key, (asyncio.Semaphore(_TURNS), 0))
        self._turns[key] = turns, waiting + 1
        try:
            async with turns:
                yield
        finally:
            turns, waiting = self._turns.pop(key)
            if waiting > 1:
                self._turns[key] = turns, waiting - 1

    @contextmanager
    def stream(self, caller: Caller | None) -> Iterator[None]:
        """One open stream, until the end of the block. Raises TooManyRequests."""
        close = self.open_stream(caller)
        try:
            yield
        finally:
            close()

    def open_stream(self, caller: Caller | None) -> Callable[[], None]:
        """As `stream`; to be closed by calling what is returned, once or more often. Raises TooManyRequests."""
        if caller is None or self.limits.streams <= 0:
            return lambda: None
        key = _key(caller)
        open_now = self._streams.get(key, 0)
        if open_now >= self.limits.streams:
            raise TooManyRequests(
                f"You have {open_now} streams open (events, logs, and what clusters' pages answer), which is as many "
                "as are possible; close one.",
                retry_after=_STREAM_RETRY,
            )
        self._streams[key] = open_now + 1
        is_open = True

        def close() -> None:
            nonlocal is_open
            if is_open:
                is_open = False
                self._streams[key] -= 1
                if not self._streams[key]:
                    del self._streams[key]

        return close

    def _refuse(self, seconds: float) -> None:
        if seconds > 0:
            raise TooManyRequests(
                f"These are more requests than the {self.limits.rate:g} a second that one caller may send; "
                f"wait {max(seconds, 1):.0f} s.",
                retry_after=seconds,
            )


def _key(caller: Caller) -> str:
    return f"{caller.kind}:{caller.name}"


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
