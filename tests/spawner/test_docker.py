"""ZoeDockerSpawner, where no engine is needed: what it asks of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from tornado import web

from zoe_hub.client import ProcessView

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


# -- images


def plan_with(image: str) -> ProcessView:
    return ProcessView.model_validate(
        {"framework": "jupyter", "name": "server", "title": "Jupyter server", "image": image, "placement": "server",
         "resources": {"cpu": 0.5, "memory": 2**30, "gpu": 0}}
    )  # fmt: skip


IMAGES = ["one:1", "two:2"]


async def test_below_the_shop_are_the_images_that_users_may_choose(tmp_path: Path) -> None:
    async with PromptZoe() as zoe:
        server = make_spawner(zoe, ZoeDockerSpawner, zoe_home=str(tmp_path), allowed_images=IMAGES)
        form = await server.zoe_options_form()
        assert form.index('name="zapp"') < form.index('name="image"')
        assert all(f'value="{image}"' in form for image in IMAGES)
        alone = make_spawner(zoe, ZoeDockerSpawner, zoe_home=str(tmp_path))
        assert 'name="image"' not in await alone.zoe_options_form()


async def test_an_image_is_chosen_beside_the_application(tmp_path: Path) -> None:
    async with PromptZoe() as zoe:
        server = make_spawner(zoe, ZoeDockerSpawner, zoe_home=str(tmp_path), allowed_images=IMAGES)
        options = await server.zoe_options_from_form({"zapp": ["jupyterlab"], "image": ["two:2"]})
        assert (options["zapp"], options["image"]) == ("jupyterlab", "two:2")
        assert "image" not in await server.zoe_options_from_form({"zapp": ["jupyterlab"], "image": [""]})
        with pytest.raises(web.HTTPError, match="not in allowed list"):
            await server.zoe_options_from_form({"zapp": ["jupyterlab"], "image": ["evil:1"]})
        # What was written for DockerSpawner's own form.
        assert server.zoe_options_from_form({"image": ["two:2"], "_xsrf": ["x"]}) == {"image": "two:2"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"image": "evil:1"}, "not in allowed list"),
        ({"image": ["one:1"]}, "must be the name"),
        ({}, "has the image zoe/"),
    ],
)
async def test_a_server_whose_image_may_not_run_is_refused_before_it_waits(
    tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    server = make_spawner(PromptZoe(), ZoeDockerSpawner, zoe_home=str(tmp_path), allowed_images=IMAGES)
    server.user_options = options
    with pytest.raises(web.HTTPError) as refused:
        await server.zoe_check(plan_with("zoe/jupyter:0.1"))
    assert refused.value.status_code == 400
    assert words in (getattr(refused.value, "jupyterhub_message", "") or refused.value.log_message or "")


@pytest.mark.parametrize("traits", [{}, {"allowed_images": "*"}, {"allowed_images": IMAGES, "image": "the/admins:1"}])
async def test_what_the_administrator_says_of_images_is_enough(tmp_path: Path, traits: dict[str, Any]) -> None:
    server = make_spawner(PromptZoe(), ZoeDockerSpawner, zoe_home=str(tmp_path), **traits)
    server.user_options = {}
    await server.zoe_check(plan_with("zoe/jupyter:0.1"))


# -- processors


async def test_processors_are_a_share_and_the_administrators_word_comes_first(tmp_path: Path, asked: list[Any]) -> None:
    server = spawner(tmp_path, extra_host_config={"pids_limit": 100})
    assert server.zoe_settings(plan_with(""), {})["cpu_limit"] == 1.0
    await server.create_object()
    assert server.extra_host_config == {"pids_limit": 100}
    hosts: list[Any] = []

    async def create_object(self: Any) -> str:
        hosts.append(self.extra_host_config)
        return "container"

    with mock.patch.object(dockerspawner.DockerSpawner, "create_object", create_object):
        await server.create_object()
        server.extra_host_config = {"cpu_shares": 7}
        await server.create_object()
    assert hosts == [{"cpu_shares": 512, "pids_limit": 100}, {"cpu_shares": 7}]
    server.zoe_cpu_burst = 0
    assert "cpu_limit" not in server.zoe_settings(plan_with(""), {})


async def test_who_asks_for_no_processor_gets_the_least_of_one(tmp_path: Path, asked: list[Any]) -> None:
    server = spawner(tmp_path)
    plan = plan_with("")
    free = plan.model_copy(update={"resources": plan.resources.model_copy(update={"cpu": 0.0})})
    assert server.zoe_settings(free, {})["cpu_limit"] == 1.0
    hosts: list[Any] = []

    async def create_object(self: Any) -> str:
        hosts.append(self.extra_host_config)
        return "container"

    with mock.patch.object(dockerspawner.DockerSpawner, "create_object", create_object):
        await server.create_object()
    assert hosts == [{"cpu_shares": 2}]
