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
