"""One leads, the others stand by; who may have lost the lease has stopped leading before another begins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from zoe_hub.controller import leadership
from zoe_hub.controller.leadership import Leadership
from zoe_hub.model.errors import LaunchFailed, ServiceUnavailable, StaleLease
from zoe_hub.store.base import Lease
from zoe_hub.store.sql import SQLStore

SECONDS = 1.5


class Answering(SQLStore):
    """A store whose `acquire` a test may let fail or hang."""

    trouble: Callable[[], Awaitable[None]] | None = None

    async def acquire(self, holder: str, seconds: float, *, abandoned: Lease | None = None) -> Lease | None:
        if self.trouble is not None:
            await self.trouble()
        return await super().acquire(holder, seconds, abandoned=abandoned)


class Leader:
    """A service that only leads. `terms` are the numbers that it led with."""

    def __init__(self, store: SQLStore) -> None:
        self.terms: list[int] = []
        self.leads = False
        self.error: Exception | None = None
        self.given_up = asyncio.Event()
        self.leadership = Leadership(store, self._lead, seconds=SECONDS, renewal=SECONDS / 6)
        self.task = asyncio.create_task(self.leadership.run())

    async def _lead(self, lease: Lease) -> None:
        self.terms.append(lease.number)
        self.leads = True
        try:
            await self.given_up.wait()
            self.given_up.clear()
            assert self.error is not None
            raise self.error
        finally:
            self.leads = False

    def give_up(self, error: Exception) -> None:
        self.error = error
        self.given_up.set()

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Answering]:
    store = Answering(f"sqlite:///{tmp_path}/zoe.sqlite")
    await store.open()
    yield store
    await store.close()


async def until(holds: Callable[[], bool]) -> None:
    end = asyncio.get_running_loop().time() + 30
    while not holds():
        assert asyncio.get_running_loop().time() < end
        await asyncio.sleep(0.01)


async def test_one_leads_and_the_other_follows_it(store: Answering) -> None:
    first = Leader(store)
    await until(lambda: first.leads)
    second = Leader(store)
    for _ in range(15):
        await asyncio.sleep(SECONDS / 8)
        assert (first.leads, second.leads) == (True, False)
        assert (first.leadership.role, second.leadership.role) == ("open", "standby")
    await first.stop()
    assert not first.leads
    await until(lambda: second.leads)
    assert second.terms[0] > first.terms[0]
    await second.stop()


async def test_a_stale_number_ends_the_term_and_not_the_service(store: Answering) -> None:
    leader = Leader(store)
    await until(lambda: leader.leads)
    leader.give_up(StaleLease("another leads"))
    await until(lambda: len(leader.terms) == 2)
    assert leader.terms[1] > leader.terms[0]
    assert not leader.task.done()
    await leader.stop()


async def test_what_nobody_foresaw_ends_the_service_and_gives_up_the_lease(store: Answering) -> None:
    leader = Leader(store)
    await until(lambda: leader.leads)
    leader.give_up(LaunchFailed("no engine"))
    with pytest.raises(LaunchFailed):
        await leader.task
    assert await store.leader() is None


async def test_a_lease_that_nobody_renews_ends_though_the_clock_was_set_back(
    store: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leadership, "_ABANDONED", SECONDS)
    dead = await store.acquire("killed before the clock was set back", 3600)
    assert dead is not None
    leader = Leader(store)
    await until(lambda: leader.leads)
    assert leader.terms[0] > dead.number
    await leader.stop()


async def test_who_renews_is_left_to_lead_however_long_its_lease(
    store: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leadership, "_ABANDONED", SECONDS)
    other = Leader(store)
    for _ in range(30):
        assert await store.acquire("one", 3600) is not None
        await asyncio.sleep(SECONDS / 6)
        assert not other.leads
    await other.stop()


async def _fails() -> None:
    raise ServiceUnavailable("the database is away")


async def _hangs() -> None:
    await asyncio.sleep(1000)


@pytest.mark.parametrize("trouble", [_fails, _hangs])
async def test_who_cannot_renew_stops_before_another_may_lead(
    store: Answering, tmp_path: Path, trouble: Callable[[], Awaitable[None]]
) -> None:
    other = Answering(f"sqlite:///{tmp_path}/zoe.sqlite")
    await other.open()
    first = Leader(store)
    await until(lambda: first.leads)
    store.trouble = trouble
    second = Leader(other)
    while not second.leads:
        assert not (first.leads and second.leads)
        await asyncio.sleep(0)
    assert not first.leads
    store.trouble = None
    for _ in range(10):
        await asyncio.sleep(SECONDS / 10)
        assert second.leads
        assert not first.leads
    await first.stop()
    await second.stop()
    await other.close()
