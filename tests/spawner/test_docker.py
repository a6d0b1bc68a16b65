"""ZoeDockerSpawner, where no engine is needed: what it asks of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .fakes import PromptZoe, make_spawner

dockerspawner = pytest.importorskip("dockerspawner", reason="the package dockerspawner is not installed")

from zoe_hub.spawner.docker import ZoeDockerSpawner  # noqa: E402


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What DockerSpawner would have merged into its request."""
    found: list[Any] = []

    async def create_object(self: Any) -> str:
        found.append(self._render_templates(self._eval_if_callable(self.extra_create_kwargs)))
        return "container"

    monkeypatch.setattr(dockerspawner.DockerSpawner, "create_object", create_object)
    monkeypatch.setattr(dockerspawner.DockerSpawner, "_render_templates", lambda self, value: rendered(value))
    return found


def rendered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: rendered(each) for name, each in value.items()}
    return value.format() if isinstance(value, str) else value


def spawner(tmp_path: Path, user: str = "alice", **traits: Any) -> Any:
    folder = tmp_path / "data" / "instances"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "installation").write_text("abc\n")
    return make_spawner(PromptZoe(), ZoeDockerSpawner, user, zoe_home=str(tmp_path), **traits)


OURS = {"zoe.installation": "abc", "zoe.role": "server", "zoe.owner": "alice"}


async def test_a_server_is_known_by_its_labels(tmp_path: Path, asked: list[Any]) -> None:
    assert await spawner(tmp_path).create_object() == "container"
    assert asked == [{"labels": OURS}]


@pytest.mark.parametrize("callable_", [False, True])
async def test_what_the_administrator_wants_of_it_stays(tmp_path: Path, asked: list[Any], callable_: bool) -> None:
    wanted = {"user": "root", "labels": {"team": "a", "zoe.owner": "bob"}}
    server = spawner(tmp_path, extra_create_kwargs=(lambda spawner: wanted) if callable_ else wanted)
    before = server.extra_create_kwargs
    await server.create_object()
    assert asked == [{"user": "root", "labels": {"team": "a", **OURS}}]
    assert server.extra_create_kwargs is before


async def test_a_name_is_no_template(tmp_path: Path, asked: list[Any]) -> None:
    await spawner(tmp_path, user="{evil}").create_object()
    assert asked[0]["labels"]["zoe.owner"] == "{evil}"


async def test_without_a_service_on_the_engine_there_are_no_labels(tmp_path: Path, asked: list[Any]) -> None:
    server = spawner(tmp_path)
    server.zoe_home = str(tmp_path / "elsewhere")
    await server.create_object()
    assert asked == [{"labels": {}}]
