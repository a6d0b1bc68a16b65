"""Two people, eight cores, six workers each: both work at once, and nobody's job notices who comes and goes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.spawner.hub import RealHub, find_proxy

from .conftest import share_cache
from .two_people import CONFIG, they_share

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.spark,
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.timeout(900),
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def small_hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RealHub]:
    if find_proxy() is None:
        pytest.skip("configurable-http-proxy is missing: `make setup` installs it")
    folder = tmp_path_factory.mktemp("two-people")
    config = folder / "zoe_config.py"
    config.write_text(CONFIG)
    # Two servers and two clusters start on whatever the machine has.
    late = "c.Spawner.http_timeout = c.Spawner.start_timeout = 300"
    hub = RealHub(folder, environment={"ZOE_CONFIG_FILE": str(config)}, late=late)
    share_cache(hub.home)
    async with hub:
        yield hub


async def test_they_share_what_there_is_and_no_job_fails(small_hub: RealHub) -> None:
    await they_share(small_hub)
