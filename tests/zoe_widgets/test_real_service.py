"""A real kernel and the real service, at a Hub (the engine is a fake) and without one (it is this machine)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client.embedded import EmbeddedZoe
from tests.client.real import RealZoe
from tests.zoe_widgets.notebooks import Notebook

Form = type[RealZoe] | type[EmbeddedZoe]


@pytest.fixture(params=[RealZoe, EmbeddedZoe], ids=["service", "without-a-hub"])
def form(request: pytest.FixtureRequest) -> Form:
    found: Form = request.param
    return found


def test_the_example(form: Form, start: Callable[..., Notebook], tmp_path: Path):
    with form(tmp_path, cpus=8) as zoe:
        notebook = start(None, ZOE_API_URL=zoe.url, ZOE_API_TOKEN=zoe.token, ZOE_SERVER=zoe.server)
        notebook.run("from zoe_widgets import Zoe; zoe = Zoe()")
        result = notebook.run('cluster = zoe.attach("toys", workers=2)')
        assert not result.error, result.traceback
        assert notebook.value("box.connection['address'][:16]") == "'toy://127.0.0.1:'"
        result = notebook.run("cluster.scale(4)")
        assert not result.error, result.traceback
        assert notebook.value("cluster.workers") == "4"
        notebook.run("cluster.scale(1)")
        assert notebook.value("cluster.workers") == "1"
        result = notebook.run("cluster.scale(20)")
        assert "granted 7 of 20 workers: no room for 13 more" in result.texts[-1]
        notebook.run("cluster.scale(2)")
        result = notebook.run("bigger = cluster.swap(workers=3)")
        assert not result.error, result.traceback
        assert notebook.value("bigger.name, bigger.state") == "('toys-2', 'running')"
        notebook.run("import time\nwhile cluster.state != 'terminated': time.sleep(0.01)")
        notebook.run("bigger.detach()")
        assert notebook.value("'box' in globals()") == "False"
        notebook.run("bigger = zoe.connect(bigger.name)")
        notebook.restart()
        assert notebook.run("print(box.open)").stdout == "True\n"
        notebook.run("from zoe_widgets import Zoe; zoe = Zoe()")
        result = notebook.run("bigger = zoe.attachments[0]; bigger.terminate()")
        assert not result.error, result.traceback
        assert notebook.value("zoe.executions()") == "no executions"
        assert "Did you mean 'toys'" in notebook.run('zoe.attach("toyz")').error


def test_a_start_that_fails(form: Form, start: Callable[..., Notebook], tmp_path: Path):
    with form(tmp_path, failing=True) as zoe:
        notebook = start(None, ZOE_API_URL=zoe.url, ZOE_API_TOKEN=zoe.token, ZOE_SERVER=zoe.server)
        result = notebook.run('from zoe_widgets import Zoe; Zoe().attach("toys")')
        assert result.error.startswith("ExecutionEnded: toys-1 failed: ")
