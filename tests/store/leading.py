"""Part of the contract: leadership."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone

import pytest

from zoe_hub.model.adaptation import Adaptation
from zoe_hub.model.errors import StaleLease
from zoe_hub.model.lifetime import ExpiryCause
from zoe_hub.model.quotas import Limits
from zoe_hub.scheduler.allowances import Subject
from zoe_hub.store.base import Lease, Store
from zoe_hub.store.changes import Explained

from .examples import HERE, LATER, a_plan, a_submission, a_zapp, submitted

BOUNDS = Adaptation(minimum=1, maximum=4)
WRITES: dict[str, Callable[[Store, str], Awaitable[object]]] = {
    "submit": lambda store, execution: store.submit(a_submission()),
    "record": lambda store, execution: store.record([Explained(execution, "why")]),
    "modify": lambda store, execution: store.modify(execution, {"workers": 4}, a_plan(4)),
    "attach": lambda store, execution: store.attach(execution, None),
    "terminate": lambda store, execution: store.terminate(execution, "alice"),
    "end_tied": lambda store, execution: store.end_tied(execution, HERE, "the end of its server", "gone"),
    "adapt": lambda store, execution: store.adapt(
        execution, BOUNDS, {"workers": 3}, a_plan(3), read={"workers": 2}, by="alice"
    ),
    "adapt_no_more": lambda store, execution: store.adapt_no_more(execution, "alice", "off"),
    "resize": lambda store, execution: _resized(store, execution),
    "explain_adaptation": lambda store, execution: store.explain_adaptation(execution, BOUNDS, "stays at 2"),
    "note_activity": lambda store, execution: store.note_activity(execution, datetime.now(timezone.utc), "1"),
    "warn": lambda store, execution: store.warn(execution, LATER, ExpiryCause.IDLE, "idle for 2 hours", "use it"),
    "forgive": lambda store, execution: store.forgive(execution),
    "keep": lambda store, execution: store.keep(execution, LATER, "alice"),
    "expire": lambda store, execution: store.expire(execution, LATER, "idle for 2 hours"),
    "dispose": lambda store, execution: store.dispose([execution]),
    "tidy": lambda store, execution: store.tidy(limit=10),
    "forget_owner": lambda store, execution: store.forget_owner("alice", "admin"),
    "prune_audit": lambda store, execution: store.prune_audit(LATER),
    "put_zapp": lambda store, execution: store.put_zapp("alice", a_zapp("mine")),
    "mark": lambda store, execution: store.mark("machine", "another"),
    "delete_zapp": lambda store, execution: store.delete_zapp("alice", "own"),
    "put_quota": lambda store, execution: store.put_quota(Subject("user", "bob"), Limits(cpu=1)),
    "delete_quota": lambda store, execution: store.delete_quota(Subject("user", "alice")),
}
READS = {
    *("submitted", "get", "find", "list", "search", "present", "changed", "zapps", "histories"),
    *("events", "last_seq", "deleted_seq", "wait", "disposable", "leader", "marks", "audit"),
    *("quotas", "quotas_in_force", "accounts"),
}


async def _resized(store: Store, execution: str) -> None:
    await store.adapt(execution, BOUNDS, {"workers": 2}, a_plan(), read={"workers": 2}, by="alice")
    await store.resize(execution, BOUNDS, {"workers": 4}, a_plan(4), read={"workers": 2}, reason="2 tasks wait")


async def taken(store: Store, holder: str, seconds: float = 600) -> Lease:
    lease = await store.acquire(holder, seconds)
    assert lease is not None
    return lease


class Leading:
    async def test_one_leads_until_its_lease_expires(self, store: Store) -> None:
        start = datetime.now(timezone.utc)
        first = await taken(store, "one")
        assert first.holder == "one"
        assert abs(first.expires - start - timedelta(seconds=600)) < timedelta(seconds=300)
        assert await store.acquire("other", 600) is None
        await taken(store, "one", 0)
        second = await taken(store, "other")
        assert (second.holder, second.number > first.number) == ("other", True)
        assert await store.acquire("one", 600) is None

    async def test_renewing_keeps_the_number(self, store: Store) -> None:
        lease = await taken(store, "one", 0)
        again = await taken(store, "one")
        assert again.number == lease.number
        assert again.expires > lease.expires
        await store.led_by(lease).submit(a_submission())

    async def test_of_many_at_once_one_leads(self, store: Store) -> None:
        leases = [lease for lease in await asyncio.gather(*(store.acquire(str(n), 600) for n in range(20))) if lease]
        assert len(leases) == 1

    async def test_a_lease_that_is_abandoned_to_the_letter_can_be_taken(self, store: Store) -> None:
        seen = await taken(store, "one")
        renewed = await taken(store, "one")
        assert await store.acquire("other", 600, abandoned=seen) is None
        assert await store.leader() == renewed
        lease = await store.acquire("other", 600, abandoned=renewed)
        assert lease is not None
        assert lease.number > renewed.number
        with pytest.raises(StaleLease):
            await store.led_by(renewed).submit(a_submission())

    async def test_release_lets_others_lead_at_once(self, store: Store) -> None:
        lease = await taken(store, "one")
        await store.release(lease)
        with pytest.raises(StaleLease):
            await store.led_by(lease).submit(a_submission())
        assert (await taken(store, "other")).number > lease.number

    async def test_release_of_a_lost_lease_does_nothing(self, store: Store) -> None:
        lost = await taken(store, "one", 0)
        lease = await taken(store, "other")
        await store.release(lost)
        await store.led_by(lease).submit(a_submission())
        assert await store.acquire("one", 600) is None

    @pytest.mark.parametrize("write", WRITES)
    async def test_leader_writes_and_who_led_before_changes_nothing(self, store: Store, write: str) -> None:
        execution = await submitted(store)
        await store.put_zapp("alice", a_zapp("own"))
        await store.put_quota(Subject("user", "alice"), Limits(executions=9))
        lost = await taken(store, "one", 0)
        lease = await taken(store, "other")

        async def everything() -> list[object]:
            found = [await store.get(execution.id), await store.list(), await store.events(), await store.quotas()]
            return [*found, await store.zapps("alice")]

        before = await everything()
        with pytest.raises(StaleLease, match="Another Zoe service leads now"):
            await WRITES[write](store.led_by(lost), execution.id)
        assert before == await everything()
        await WRITES[write](store.led_by(lease), execution.id)
        await store.led_by(lost).get(execution.id)

    async def test_every_write_is_tried(self, store: Store) -> None:
        # Lines about refused requests are anybody's to add.
        others = {"audited", "add_audit", "open", "close", "acquire", "release", "led_by"}
        assert WRITES.keys() | READS | others == Store.__abstractmethods__
