"""Two people on one small engine share its processors while both work, as they do with plain processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.backends.docker.hubs import IMAGE, engine_with, hub_of_containers
from tests.road.two_people import CONFIG, they_share

pytestmark = [
    pytest.mark.docker,
    pytest.mark.hub,
    pytest.mark.spark,
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.timeout(900),
]


async def test_they_share_what_there_is_and_no_job_fails(tmp_path: Path, docker_host: str) -> None:
    async with (
        engine_with(docker_host, IMAGE, "zoe/spark:0.1") as engine,
        hub_of_containers(tmp_path, engine, config=CONFIG) as hub,
    ):
        await they_share(hub)
