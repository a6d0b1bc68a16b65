from __future__ import annotations

import pytest

from zoe_hub.backends.docker.image_names import check, spelled_out

ZEROS = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("dask", "docker.io/library/dask:latest"),
        ("dask:0.1", "docker.io/library/dask:0.1"),
        ("zoe/dask", "docker.io/zoe/dask:latest"),
        ("zoe/sub/dask:0.1", "docker.io/zoe/sub/dask:0.1"),
        ("docker.io/dask", "docker.io/library/dask:latest"),
        ("docker.io/library/dask:latest", "docker.io/library/dask:latest"),
        ("index.docker.io/zoe/dask", "docker.io/zoe/dask:latest"),
        ("localhost/dask", "localhost/dask:latest"),
        ("localhost:5000/zoe/dask:1", "localhost:5000/zoe/dask:1"),
        ("[fd00::1]:5000/zoe/dask:1", "[fd00::1]:5000/zoe/dask:1"),
        ("Registry.example/zoe/dask", "Registry.example/zoe/dask:latest"),
        (f"zoe/dask@{ZEROS}", f"docker.io/zoe/dask@{ZEROS}"),
        (f"zoe/dask:0.1@{ZEROS}", f"docker.io/zoe/dask:0.1@{ZEROS}"),
        (ZEROS, ZEROS),
    ],
)
def test_a_name_is_spelled_out(name: str, whole: str) -> None:
    check(name)
    assert spelled_out(name) == whole
    assert spelled_out(whole) == whole
