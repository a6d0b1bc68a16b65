"""Hands every change of an instance to everybody who watches, in order and without loss."""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import AsyncIterator

from ..model.execution import InstanceStatus


class Subscription(AsyncIterator[InstanceStatus]):
    """What one watcher has yet to see. Ends when the back end is closed and all is seen."""

    def __init__(self) -> None:
        self._pending: deque[InstanceStatus] = deque()
        self._changed = asyncio.Event()
        self._closed = False

    def put(self, status: InstanceStatus) -> None:
        self._pending.append(status)
        self._changed.set()

    def close(self) -> None:
        """Nothing more will come. A second call does nothing."""
        self._closed = True
        self._changed.set()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> InstanceStatus:
        while not self._pending:
            if self._closed:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._pending.popleft()


class Subscriptions:
    """All watchers of one back end. One that is dropped without a word costs nothing further."""

    def __init__(self) -> None:
        self._all: weakref.WeakSet[Subscription] = weakref.WeakSet()

    def add(self) -> Subscription:
        """A watcher that sees every change from this call on, whenever it is first iterated."""
        subscription = Subscription()
        self._all.add(subscription)
        return subscription

    def publish(self, status: InstanceStatus) -> None:
        for subscription in list(self._all):
            subscription.put(status)

    def close(self) -> None:
        for subscription in list(self._all):
            subscription.close()
