"""What every store must do: one test for each obligation in the docstrings of `zoe_hub.store.base`.

A store's own tests subclass `StoreContract` and bring the fixture `store`: open, empty.
"""

from __future__ import annotations

import asyncio
import itertools

import pytest

from zoe_hub.model.errors import UnknownName
from zoe_hub.model.events import Event
from zoe_hub.store.base import Store

from .adapting import Adapting, Learning
from .auditing import Auditing
from .changing import Changing, Instances
from .examples import (
    a_zapp,
    submitted,
)
from .leading import Leading
from .living import Living
from .quoting import Quoting
from .recording import Recording
from .retaining import Retaining
from .submitting import Reading, Submitting


class Events:
    async def test_rise_from_one(self, store: Store) -> None:
        assert await store.last_seq() == 0
        assert await store.events() == []
        for _ in range(3):
            await submitted(store)
        events = await store.events()
        assert events[0].seq > 0
        assert all(one.seq < other.seq for one, other in itertools.pairwise(events))
        assert await store.last_seq() == events[-1].seq

    async def test_filters(self, store: Store) -> None:
        first, second = await submitted(store), await submitted(store, "bob")
        await store.terminate(first.id, "admin")
        every = list(await store.events())
        assert [event.owner for event in every] == ["alice", "bob", "alice"]
        assert await store.events(owner="alice") == [every[0], every[2]]
        assert await store.events(execution=second.id) == [every[1]]
        assert await store.events(owner="bob", execution=first.id) == []
        assert await store.events(after=every[0].seq, owner="alice") == [every[2]]
        assert await store.events(limit=2) == every[:2]
        assert await store.events(after=every[1].seq, limit=2) == every[2:]

    async def test_reader_who_resumes_misses_nothing(self, store: Store) -> None:
        """While many write at once, whoever asks for what is new gets all of it, once, in order."""
        read: list[Event] = []

        async def follow() -> None:
            while len(read) < 60:
                await store.wait(read[-1].seq if read else 0, 60)
                read.extend(await store.events(after=read[-1].seq if read else 0, limit=7))

        async def write(owner: str) -> None:
            for _ in range(10):
                execution = await submitted(store, owner)
                await store.terminate(execution.id, owner)

        await asyncio.gather(follow(), *(write(owner) for owner in ("alice", "bob", "admin")))
        assert read == list(await store.events())
        assert len(read) == 60

    async def test_wait_returns_at_once_when_there_is_news(self, store: Store) -> None:
        await submitted(store)
        assert await store.wait(0, 0)
        assert await store.wait(await store.last_seq() - 1, 600)

    async def test_wait_gives_up(self, store: Store) -> None:
        await submitted(store)
        assert not await store.wait(await store.last_seq(), 0.01)

    async def test_wait_is_woken(self, store: Store) -> None:
        waiters = [asyncio.ensure_future(store.wait(0, 600)) for _ in range(10)]
        await asyncio.sleep(0)
        await submitted(store)
        assert await asyncio.gather(*waiters) == [True] * 10

    async def test_wait_can_be_cancelled(self, store: Store) -> None:
        waiter = asyncio.ensure_future(store.wait(0, 600))
        await asyncio.sleep(0)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        await submitted(store)
        assert await store.wait(0, 600)


class ZApps:
    async def test_own_zapps_by_name(self, store: Store) -> None:
        assert await store.zapps("alice") == []
        await store.put_zapp("alice", a_zapp("mine"))
        await store.put_zapp("alice", a_zapp("best"))
        await store.put_zapp("bob", a_zapp("mine", "Bob's"))
        assert await store.zapps("alice") == [a_zapp("best"), a_zapp("mine")]

    async def test_put_replaces(self, store: Store) -> None:
        await store.put_zapp("alice", a_zapp("mine"))
        await store.put_zapp("bob", a_zapp("mine"))
        await store.put_zapp("alice", a_zapp("mine", "Better"))
        assert await store.zapps("alice") == [a_zapp("mine", "Better")]
        assert await store.zapps("bob") == [a_zapp("mine")]

    async def test_put_at_once(self, store: Store) -> None:
        await asyncio.gather(*(store.put_zapp("alice", a_zapp("mine")) for _ in range(20)))
        assert len(await store.zapps("alice")) == 1

    async def test_delete(self, store: Store) -> None:
        for owner in ("alice", "bob"):
            await store.put_zapp(owner, a_zapp("mine"))
        await store.delete_zapp("alice", "mine")
        assert await store.zapps("alice") == []
        assert len(await store.zapps("bob")) == 1
        with pytest.raises(UnknownName, match="mine"):
            await store.delete_zapp("alice", "mine")

    async def test_delete_unknown_proposes_an_own_one(self, store: Store) -> None:
        await store.put_zapp("alice", a_zapp("sparkling"))
        await store.put_zapp("bob", a_zapp("sparklung"))
        with pytest.raises(UnknownName, match="Did you mean 'sparkling'"):
            await store.delete_zapp("alice", "sparklung")


class StoreContract(
    Adapting,
    Learning,
    Auditing,
    Submitting,
    Reading,
    Changing,
    Recording,
    Instances,
    Events,
    Leading,
    Living,
    Quoting,
    Retaining,
    ZApps,
):
    """All of it."""

    async def test_second_close_does_nothing(self, store: Store) -> None:
        await store.close()
        await store.close()

    async def test_close_lets_waiters_go(self, store: Store) -> None:
        waiter = asyncio.ensure_future(store.wait(0, 600))
        await store.last_seq()
        await store.close()
        assert not await waiter
