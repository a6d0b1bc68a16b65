"""Rows that another version of Zoe wrote in words that this one does not know."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, create_engine, make_url, update

from zoe_hub.store.sql import SQLStore
from zoe_hub.store.tables import plans, zapps

from .examples import a_plan, a_submission, a_zapp


def write_differently(url: str, table: Table, **where: Any) -> None:
    """As a version would that described it otherwise."""
    parsed = make_url(url)
    engine = create_engine(parsed.set(drivername="postgresql+psycopg") if parsed.drivername == "postgresql" else parsed)
    with engine.begin() as connection:
        connection.execute(update(table).filter_by(**where).values(document='{"apiVersion": "zoe/v0"}'))
    engine.dispose()


async def test_a_plan_that_cannot_be_read_hides_no_other_execution(url: str) -> None:
    store = SQLStore(url)
    await store.open()
    old, _ = await store.submit(a_submission())
    await store.close()
    write_differently(url, plans)
    store = SQLStore(url)
    await store.open()
    new, _ = await store.submit(a_submission(plan=a_plan(workers=5)))
    found = await store.list(live=True)
    assert [(execution.id, execution.plan.lost) for execution in found] == [(new.id, False), (old.id, True)]
    assert (await store.get(old.id)).plan.zapp == old.zapp
    assert (await store.terminate(old.id, by="alice")).name == old.name
    await store.close()


async def test_a_zapp_that_cannot_be_read_hides_no_other(url: str, store: SQLStore) -> None:
    await store.put_zapp("alice", a_zapp("one"))
    await store.put_zapp("alice", a_zapp("two"))
    write_differently(url, zapps, name="one")
    assert [zapp.name for zapp in await store.zapps("alice")] == ["two"]
