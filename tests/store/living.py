"""Part of the contract: lives."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from zoe_hub.model.errors import Conflict
from zoe_hub.model.execution import Attachment, DesiredState, ExecutionState
from zoe_hub.model.lifetime import ExpiryCause, Life
from zoe_hub.store.base import Store
from zoe_hub.store.changes import Explained

from .examples import HERE, LATER, a_plan, ended, new_events, submitted
from .writing import moved, stored

IDLE, MAXIMUM = ExpiryCause.IDLE, ExpiryCause.MAXIMUM
TELL = {"why": "idle for 2 hours", "advice": "use it"}


class Living:
    async def test_nothing_is_known_of_a_new_one(self, store: Store) -> None:
        assert (await submitted(store)).life == Life()

    async def test_activity_is_stored_without_an_event(self, store: Store) -> None:
        execution = await submitted(store)
        seq, before = await store.last_seq(), datetime.now(timezone.utc) - timedelta(seconds=1)
        await store.note_activity(execution.id, LATER, "[1]")
        first = (await store.get(execution.id)).life
        assert (first.last_active, first.mark) == (LATER, "[1]")
        assert first.running_since is not None
        assert first.running_since > before
        await store.note_activity(execution.id, LATER + timedelta(seconds=5), "[2]")
        second = (await store.get(execution.id)).life
        assert second.running_since == first.running_since
        assert (second.last_active, second.mark) == (LATER + timedelta(seconds=5), "[2]")
        assert await store.last_seq() == seq

    async def test_activity_after_the_end_changes_nothing(self, store: Store) -> None:
        execution = await ended(store)
        await store.note_activity(execution.id, LATER, "[1]")
        assert (await store.get(execution.id)).life == Life()

    async def test_whoever_takes_it_lets_it_go_or_scales_it_uses_it(self, store: Store) -> None:
        execution = await submitted(store)
        seen = [execution.life.last_active]
        seen.append((await store.attach(execution.id, HERE)).life.last_active)
        seen.append((await store.attach(execution.id, None)).life.last_active)
        seen.append((await store.modify(execution.id, {"workers": 4}, a_plan(4))).life.last_active)
        assert seen[0] is None
        assert None not in seen[1:]
        assert seen[1:] == sorted(set(seen[1:]), key=str)

    async def test_a_warning_is_told_once(self, store: Store) -> None:
        execution = await submitted(store)
        seq = await store.last_seq()
        for _ in range(2):
            await store.warn(execution.id, LATER, IDLE, **TELL)
        told = {"name": execution.name, "expires": LATER.isoformat(), **TELL}
        assert await new_events(store, seq) == [("execution.expiring", told)]
        life = (await store.get(execution.id)).life
        assert (life.expires, life.cause) == (LATER, IDLE)

    async def test_forgiving(self, store: Store) -> None:
        execution = await submitted(store)
        await store.warn(execution.id, LATER, IDLE, **TELL)
        seq = await store.last_seq()
        await store.forgive(execution.id)
        await store.forgive(execution.id)
        assert [kind for kind, _ in await new_events(store, seq)] == ["execution.kept"]
        assert (await store.get(execution.id)).life == Life()

    async def test_expiring_ends_it_and_says_why(self, store: Store) -> None:
        execution = await submitted(store)
        await store.warn(execution.id, LATER, IDLE, **TELL)
        await store.expire(execution.id, LATER, "idle for 2 hours")
        await stored(store, Explained(execution.id, "granted 1 of 2"))
        after = await store.get(execution.id)
        assert (after.desired, after.reason) == (DesiredState.TERMINATED, "idle for 2 hours")

    async def test_a_warning_that_was_taken_back_ends_nothing(self, store: Store) -> None:
        execution = await submitted(store)
        await store.warn(execution.id, LATER, IDLE, **TELL)
        await store.keep(execution.id, LATER + timedelta(hours=2), "alice")
        await store.expire(execution.id, LATER, "idle for 2 hours")
        after = await store.get(execution.id)
        assert after.desired is DesiredState.RUNNING
        assert (after.life.expires, after.life.kept_until) == (None, LATER + timedelta(hours=2))

    async def test_a_longest_life_is_not_kept_longer(self, store: Store) -> None:
        execution = await submitted(store)
        await store.warn(execution.id, LATER, MAXIMUM, "it ran long", "save")
        await store.keep(execution.id, LATER, "alice")
        await store.expire(execution.id, LATER, "it ran long")
        assert (await store.get(execution.id)).desired is DesiredState.TERMINATED

    async def test_a_wish_to_keep_is_an_event_and_may_be_taken_back(self, store: Store) -> None:
        execution = await submitted(store)
        seq = await store.last_seq()
        await store.keep(execution.id, LATER, "alice")
        assert (await store.keep(execution.id, None, "admin")).life.kept_until is None
        data = {"name": execution.name, "until": LATER.isoformat(), "by": "alice"}
        assert await new_events(store, seq) == [
            ("execution.kept", data),
            ("execution.kept", {**data, "until": None, "by": "admin"}),
        ]

    async def test_what_is_ending_is_not_kept_and_not_warned(self, store: Store) -> None:
        execution = await submitted(store)
        await store.terminate(execution.id, "alice")
        seq = await store.last_seq()
        with pytest.raises(Conflict, match="is ending"):
            await store.keep(execution.id, LATER, "alice")
        await store.warn(execution.id, LATER, IDLE, **TELL)
        assert await store.last_seq() == seq

    @pytest.mark.parametrize(
        ("tied_to", "gone", "ends"),
        [
            (HERE, HERE, True),
            (HERE, Attachment(server="alice/"), True),
            (HERE, Attachment(server="alice/", kernel="k2"), False),
            (HERE, Attachment(server="alice/other", kernel="k1"), False),
            (HERE.model_copy(update={"outlive": True}), HERE, False),
            (Attachment(server="alice/"), HERE, False),
            (None, HERE, False),
        ],
    )
    async def test_ending_with_a_notebook(
        self, store: Store, tied_to: Attachment | None, gone: Attachment, ends: bool
    ) -> None:
        execution = await submitted(store, attachment=tied_to)
        assert execution.attachment == tied_to
        for _ in range(2):
            after = await store.end_tied(execution.id, gone, "alice", "the kernel ended")
        assert (after.desired is DesiredState.TERMINATED, after.reason == "the kernel ended") == (ends, ends)

    async def test_why_it_ended_comes_to_its_end(self, store: Store) -> None:
        execution = await submitted(store, attachment=HERE)
        after = await store.end_tied(execution.id, HERE, "alice", "the kernel ended")
        done = await moved(store, execution.id, after.state, ExecutionState.TERMINATED, after.reason)
        assert done.reason == "the kernel ended"
