"""What ``make images`` builds, and what it writes down, with a client that only remembers."""

from __future__ import annotations

import json
from pathlib import Path

from scripts import images

CLIENT = """#!/bin/sh
echo "$@" >>"$CALLS"
case "$1" in
  build) case "$*" in *broken*) exit 3;; esac ;;
  image) echo '[{"Id": "sha256:abc", "Size": 5000000}]' ;;
esac
"""


def environment(folder: Path, **more: str) -> dict[str, str]:
    client = folder / "client"
    client.write_text(CLIENT)
    client.chmod(0o755)
    return {"DOCKER": str(client), "CALLS": str(folder / "calls"), "IMAGES_LOCK": str(folder / "lock.json"),
            "WHEEL": "dist/a.whl", **more}  # fmt: skip


def test_what_was_built_is_written_down_and_the_rest_stays(tmp_path: Path) -> None:
    (tmp_path / "lock.json").write_text('{"other/image": "sha256:def"}')
    assert (
        images.main(environment(tmp_path, ONLY="dask jupyter", BASE_IMAGE="base:1", IMAGE_PREFIX="registry/zoe")) == 0
    )
    assert json.loads((tmp_path / "lock.json").read_text()) == {
        "other/image": "sha256:def",
        "registry/zoe/dask:0.1": "sha256:abc",
        "registry/zoe/jupyter:0.1": "sha256:abc",
    }
    builds = [line for line in (tmp_path / "calls").read_text().splitlines() if line.startswith("build")]
    assert [line.split()[-1] for line in builds] == [str(images.CHECKOUT / "frameworks/dask"), str(images.CHECKOUT)]
    assert all("BASE_IMAGE=base:1" in line for line in builds)
    assert ["WHEEL=dist/a.whl" in line for line in builds] == [False, True]


def test_one_that_cannot_be_built_ends_it(tmp_path: Path) -> None:
    assert images.main(environment(tmp_path, IMAGE_PREFIX="broken")) == 3
    assert not (tmp_path / "lock.json").exists()


def test_every_dockerfile_is_found() -> None:
    assert {file.parent.name for file in images.dockerfiles(images.CHECKOUT)} >= {"dask", "hub", "jupyter", "spark"}
