"""The road without a Hub: a Jupyter server with a service of its own, a real kernel, real Spark."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from scripts.finder import JAVA, find_java
from tests.zoe_server_ext.embedded import end, pid_of_service
from tests.zoe_server_ext.servers import TOKEN, Server

from .cells import cells
from .conftest import share_cache
from .lab import Notebook, open_notebook
from .test_spark import COMPARE

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.spark,
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.skipif(find_java(os.environ) is None, reason=f"Spark needs Java {JAVA} or newer: `make setup` gets it"),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("embedded") / "home"
    share_cache(folder)
    folder.chmod(0o700)
    yield folder
    end(folder)


@pytest.fixture(scope="module")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    options = ["--ZoeEmbedded.linger=0.5", "--ZoeEmbedded.prepare=False", "--ZoeConfig.memory=16 GiB"]
    with Server(tmp_path_factory.mktemp("jupyter"), *options, base="/", ZOE_HOME=str(home)) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def notebook(server: Server) -> AsyncIterator[Notebook]:
    async with open_notebook(server.url, TOKEN) as notebook:
        yield notebook


async def test_the_readmes_cells(notebook: Notebook) -> None:
    for code, _ in cells("README.md"):
        await notebook.run(code)


async def test_a_restarted_kernel_finds_its_cluster(notebook: Notebook) -> None:
    await notebook.run("%zoe attach spark workers=1")
    await notebook.restart()
    assert "equal" in (await notebook.run(COMPARE)).text
    await notebook.run("%zoe terminate")


async def test_the_service_is_killed_and_the_session_goes_on(notebook: Notebook, home: Path) -> None:
    await notebook.run("from zoe_widgets import Zoe\nzoe = Zoe()\ncluster = zoe.attach('spark', workers=1)")
    await notebook.run("first = spark\nspark.range(100).createTempView('hundred')")
    os.kill(pid_of_service(home), signal.SIGKILL)
    await notebook.run("cluster.scale(2)")
    result = await notebook.run("print(spark is first, spark.table('hundred').count(), cluster.refresh().workers)")
    assert result.printed.strip() == "True 100 2"
    await notebook.run("cluster.terminate()")
