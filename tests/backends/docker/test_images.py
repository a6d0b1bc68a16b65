"""Which image runs, where no engine is needed: one that has some images, and pulls none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from zoe_hub.backends.docker.engine import Engine
from zoe_hub.backends.docker.images import Images
from zoe_hub.backends.docker.settings import DockerSettings
from zoe_hub.model.errors import InvalidDocument, LaunchFailed

DIGEST = "registry.example/zoe/spark@sha256:def"


class EngineWithImages:
    def __init__(self, *images: str) -> None:
        self.images = set(images)
        self.pulled: list[str] = []

    async def has_image(self, image: str) -> bool:
        return image in self.images

    async def pull(self, image: str, auth: object = None) -> Any:
        self.pulled.append(image)
        self.images.add(image)
        yield {}


def make(folder: Path, engine: EngineWithImages, **settings: Any) -> Images:
    lock = folder / "images.lock.json"
    lock.write_text(
        json.dumps({"zoe/dask:0.1": "sha256:abc", "zoe/spark:0.1": "registry.example/zoe/spark@sha256:def"})
    )
    plain = DockerSettings(folder, lambda name: folder)
    return Images(cast(Engine, engine), replace(plain, images_lock=str(lock), **settings))


async def test_what_is_pinned_runs_by_its_content(tmp_path: Path) -> None:
    engine = EngineWithImages("zoe/dask:0.1", "sha256:abc", "other/image")
    images = make(tmp_path, engine)
    assert await images.ensure("zoe/dask:0.1", print) == "sha256:abc"
    assert await images.ensure("other/image", print) == "other/image"
    assert not engine.pulled


async def test_another_image_under_the_name_does_not_run(tmp_path: Path) -> None:
    engine = EngineWithImages("zoe/dask:0.1")
    with pytest.raises(InvalidDocument, match=r"the image zoe/dask:0\.1 is to be sha256:abc"):
        await make(tmp_path, engine).ensure("zoe/dask:0.1", print)


async def test_a_digest_is_pulled_unless_nothing_may_be(tmp_path: Path) -> None:
    engine = EngineWithImages("zoe/spark:0.1")
    with pytest.raises(InvalidDocument, match="bring the file up to date"):
        await make(tmp_path, engine, pull_policy="never").ensure("zoe/spark:0.1", print)
    assert await make(tmp_path, engine).ensure("zoe/spark:0.1", print) == DIGEST
    assert engine.pulled == [DIGEST]


async def test_a_file_that_cannot_be_read_stops_starts_and_is_named(tmp_path: Path) -> None:
    images = make(tmp_path, EngineWithImages("other/image"))
    (tmp_path / "images.lock.json").write_text("{")
    with pytest.raises(LaunchFailed, match=r"images_lock names .*images\.lock\.json"):
        await images.ensure("other/image", print)


@pytest.mark.parametrize("spelling", ["docker.io/zoe/dask:0.1", "index.docker.io/zoe/dask:0.1"])
async def test_another_spelling_of_a_name_is_pinned_as_well(tmp_path: Path, spelling: str) -> None:
    engine = EngineWithImages("zoe/dask:0.1", spelling, "sha256:abc")
    assert await make(tmp_path, engine).ensure(spelling, print) == "sha256:abc"


def allow(folder: Path, *patterns: str) -> Images:
    return make(folder, EngineWithImages(), allowed_images=patterns)


@pytest.mark.parametrize(
    "image",
    [
        "zoe/dask",
        "zoe/dask:0.1",
        "zoe/dask:0.1-rc.1",
        "zoe/sub/dask",
        f"zoe/dask@sha256:{'0' * 64}",
        f"zoe/dask:0.1@sha256:{'0' * 64}",
    ],
)
def test_what_a_pattern_fits_may_run(tmp_path: Path, image: str) -> None:
    assert allow(tmp_path, "other/*", "zoe/*").choose(image, "dask.worker") == image


@pytest.mark.parametrize(
    "image",
    [
        "dask",
        "zoe",
        "evil/zoe/dask",
        "docker.io/zoe/dask:0.1",
        "evil.example/zoe/dask:0.1",
        "evil.example:5000/zoe/dask",
        "localhost/zoe/dask",
        "zoe.evil.example/dask",
        "zoee/dask",
        f"dask@sha256:{'0' * 64}",
        f"sha256:{'0' * 64}",
        "0" * 64,
    ],
)
def test_what_no_pattern_fits_is_refused(tmp_path: Path, image: str) -> None:
    with pytest.raises(InvalidDocument, match=r"not among those that c\.ZoeDocker\.allowed_images allows"):
        allow(tmp_path, "other/*", "zoe/*").choose(image, "dask.worker")


@pytest.mark.parametrize(
    "image",
    [
        "zoe/DASK",
        "ZOE/dask",
        "zoe/dask:",
        "zoe/dask@",
        "zoe/dask@sha256:",
        "zoe/dask@sha256:123",
        "zoe/dask:0.1:0.2",
        "zoe/dask:0.1/../../evil",
        "zoe/../../containers/json?all=1#",
        "zoe/../evil/image",
        "zoe//dask",
        "zoe/dask/",
        "/zoe/dask",
        "zoe/dask ",
        " zoe/dask",
        "zoe/dask\n",
        "zoe/dask evil/image",
        "zoe/dask;id",
        "zoe/%2e%2e/evil",
        "zoe/ďask",
        "zoe/dask\0",
        "--privileged",
        " ",
        "zoe/" + "a" * 2000,
    ],
)
@pytest.mark.parametrize("patterns", [("zoe/*",), ("*",), ()])
def test_what_is_no_name_is_refused_whatever_is_allowed(tmp_path: Path, image: str, patterns: tuple[str, ...]) -> None:
    with pytest.raises(InvalidDocument, match="is not the name of an image"):
        allow(tmp_path, *patterns).choose(image, "dask.worker")


def test_a_process_without_an_image_gets_the_default_or_none(tmp_path: Path) -> None:
    with pytest.raises(InvalidDocument, match=r"dask\.worker names no image"):
        allow(tmp_path, "zoe/*").choose("", "dask.worker")
    images = make(tmp_path, EngineWithImages(), allowed_images=("zoe/*",), default_image="zoe/python")
    assert images.choose("", "dask.worker") == "zoe/python"
