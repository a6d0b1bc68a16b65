"""What the parent class is told: a plan adds to it, and what the administrator set stays."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from traitlets import Unicode
from traitlets.config import Config

from zoe_hub.client import ProcessView
from zoe_hub.model.errors import InvalidDocument
from zoe_hub.spawner import overlay
from zoe_hub.spawner.local import ZoeSimpleSpawner

from .fakes import PromptServer, PromptZoe, ZoePromptSpawner, make_spawner

PROCESS = ProcessView(
    key="jupyter.server", image="zoe/lab:1", command=("start-lab", "${python}"),
    environment={"NAME": "${execution.name}", "PRICE": "5 $$"},
    resources={"cpu": 0.5, "memory": 2**30},
)  # fmt: skip
REFERENCES = {"python": "/usr/bin/python3", "execution.name": "lab-1"}


class ImageSpawner(PromptServer):
    image = Unicode("stock").tag(config=True)


def settings(spawner: Any) -> dict[str, Any]:
    names = ("cmd", "image", "mem_limit", "cpu_limit")
    with overlay.applied(spawner, overlay.settings_of(PROCESS, REFERENCES)):
        return {name: getattr(spawner, name, None) for name in names}


def test_a_plan_brings_command_image_and_limits() -> None:
    assert settings(ImageSpawner()) == {
        "cmd": ["start-lab", "/usr/bin/python3"], "image": "zoe/lab:1", "mem_limit": 2**30, "cpu_limit": 0.5,
    }  # fmt: skip


def test_they_are_gone_after_the_start() -> None:
    spawner = ImageSpawner()
    before = (spawner.cmd, spawner.image, spawner.mem_limit, spawner.cpu_limit)
    settings(spawner)
    assert (spawner.cmd, spawner.image, spawner.mem_limit, spawner.cpu_limit) == before


def test_what_is_configured_stays() -> None:
    config = Config({"Spawner": {"cmd": ["mine"], "mem_limit": "2G"}, "ImageSpawner": {"image": "theirs"}})
    assert settings(ImageSpawner(config=config)) == {
        "cmd": ["mine"], "image": "theirs", "mem_limit": 2 * 2**30, "cpu_limit": 0.5,
    }  # fmt: skip


def test_what_a_hook_set_stays() -> None:
    spawner = ImageSpawner()
    spawner.image = "of a hook"
    assert settings(spawner)["image"] == "of a hook"


def test_a_spawner_without_images_needs_none() -> None:
    assert settings(PromptServer())["image"] is None


def test_references_are_bound_and_unknown_ones_refused() -> None:
    assert overlay.environment_of(PROCESS, REFERENCES) == {"NAME": "lab-1", "PRICE": "5 $"}
    with pytest.raises(InvalidDocument, match=r"execution\.name"):
        overlay.environment_of(PROCESS, {})


def test_the_administrators_environment_wins() -> None:
    environment = {"A": "admin's", "PATH": "the Hub's", "JUPYTERHUB_USER": "alice", "LANG": "C"}
    added = {"A": "plan", "PATH": "plan", "JUPYTERHUB_USER": "eve", "LANG": "plan", "NEW": "plan"}
    assert overlay.merge_environment(environment, added, ["PATH", "LANG"], {"A": "admin's", "LANG": "C"}) == {
        "A": "admin's", "PATH": "plan", "JUPYTERHUB_USER": "alice", "LANG": "C", "NEW": "plan",
    }  # fmt: skip


async def test_the_server_is_told_of_zoe_and_not_of_the_spawners_token() -> None:
    async with PromptZoe() as zoe:
        zoe.environment = {"GREETING": "hello from ${execution.id}"}
        hub = SimpleNamespace(public_host="", api_url="http://127.0.0.1/hub/api", base_url="/hub/")
        spawner = make_spawner(zoe, name="work", hub=hub, environment={"MINE": "1"})
        await spawner.start()
        environment = spawner.get_env()
        assert environment["ZOE_URL"] == zoe.url
        assert environment["ZOE_SERVER"] == "alice/work"
        assert environment["ZOE_EXECUTION"] == "x1"
        assert environment["GREETING"] == "hello from x1"
        assert environment["MINE"] == "1"
        assert spawner.zoe_token not in environment.values()
        await spawner.stop()


async def test_an_unknown_reference_ends_the_start_with_a_sentence() -> None:
    async with PromptZoe() as zoe:
        zoe.environment = {"X": "${self.folder}"}
        with pytest.raises(Exception, match="unknown reference"):
            await make_spawner(zoe).start()
        assert zoe.terminated == ["x1"]


def scopes_of(spawner: Any) -> Any:
    spawner.zoe_server_scopes = ["access:services!service=zoe", "custom:zoe:executions"]
    return spawner.server_token_scopes(spawner)


@pytest.mark.parametrize("configured", [["read:users!user"], lambda _: ["read:users!user"]])
async def test_zoes_scopes_are_added_to_the_administrators(configured: Any) -> None:
    spawner = ZoePromptSpawner(server_token_scopes=configured)
    assert await scopes_of(spawner) == ["read:users!user", "access:services!service=zoe", "custom:zoe:executions"]


def test_waiting_in_the_queue_has_time_unless_the_administrator_says_less() -> None:
    assert ZoeSimpleSpawner().start_timeout == 900
    assert ZoeSimpleSpawner(config=Config({"Spawner": {"start_timeout": 30}})).start_timeout == 30


def test_every_setting_says_what_it_is_for() -> None:
    own = set(ZoePromptSpawner.class_own_traits(config=True))
    for name, trait in ZoePromptSpawner.class_traits(config=True).items():
        if name.startswith("zoe_") or name in own:
            assert len(trait.help) > 60, name
