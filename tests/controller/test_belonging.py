"""A database is used with one key and on one machine, as long as something runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zoe_hub.controller import belonging
from zoe_hub.controller.belonging import Belonging
from zoe_hub.model.errors import NotPermitted
from zoe_hub.secrets import Secrets

from .conftest import World

OURS, OTHER = Secrets(b"o" * 32), Secrets(b"x" * 32)


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "machine-id"
    path.write_text("0123\n")
    monkeypatch.setattr(belonging, "_MACHINE_ID", path)
    return path


async def test_another_key_is_refused_while_something_lives(world: World) -> None:
    await Belonging(OURS).settle(world.store)
    await world.submit()
    await Belonging(OURS).check(world.store)
    await Belonging(OURS).settle(world.store)
    with pytest.raises(NotPermitted, match="another key"):
        await Belonging(OTHER, moved=True).settle(world.store)


async def test_a_new_key_is_taken_when_nothing_lives(world: World) -> None:
    await Belonging(OURS).settle(world.store)
    await Belonging(OTHER).settle(world.store)
    await world.submit()
    with pytest.raises(NotPermitted):
        await Belonging(OURS).settle(world.store)


async def test_another_machine_is_refused_unless_it_is_said_that_zoe_moved(world: World, machine: Path) -> None:
    await Belonging(OURS).settle(world.store)
    await world.submit()
    machine.write_text("4567\n")
    with pytest.raises(NotPermitted, match="--moved"):
        await Belonging(OURS).settle(world.store)
    await Belonging(OURS, moved=True).settle(world.store)
    await Belonging(OURS).settle(world.store)


async def test_a_service_elsewhere_is_noticed_before_serving_while_one_leads(world: World, machine: Path) -> None:
    lease = await world.store.acquire("one", 600)
    assert lease is not None
    await Belonging(OURS).settle(world.store.led_by(lease))
    machine.write_text("4567\n")
    with pytest.raises(NotPermitted, match="another machine"):
        await Belonging(OURS).check(world.store)
    await world.store.release(lease)
    await Belonging(OURS).check(world.store)


async def test_another_home_with_the_same_key_is_refused_while_something_lives(world: World, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "link").symlink_to("one")
    one, other = Belonging(OURS, folder=tmp_path / "one"), Belonging(OURS, folder=tmp_path / "other")
    await Belonging(OURS).settle(world.store)
    await world.submit()
    await one.settle(world.store)
    await Belonging(OURS, folder=tmp_path / "link").settle(world.store)
    with pytest.raises(NotPermitted, match="ZOE_HOME"):
        await other.settle(world.store)
    await Belonging(OURS, moved=True, folder=tmp_path / "other").settle(world.store)
    with pytest.raises(NotPermitted, match="--moved"):
        await one.settle(world.store)


async def test_a_machine_without_a_name_is_not_compared(world: World, machine: Path) -> None:
    await Belonging(OURS).settle(world.store)
    await world.submit()
    for nameless in ("", "uninitialized\n"):
        machine.write_text(nameless)
        await Belonging(OURS).settle(world.store)
    os.unlink(machine)
    await Belonging(OURS).settle(world.store)


async def test_the_database_does_not_tell_the_key(world: World) -> None:
    await Belonging(OURS).settle(world.store)
    stored = (await world.store.marks())["key"]
    assert "oooo" not in stored
    assert stored != OURS.token("x1", "spark", "auth")
