from __future__ import annotations

import os
import site
import subprocess

from tests.client.fakes import TOKEN, ContestedZoe, FailingZoe, FakeZoe, SlowZoe
from tests.zoe_widgets.notebooks import ROOT

SETUP = "from zoe_widgets import Zoe; zoe = Zoe()"


def test_the_example_line_by_line(notebook, zoe):
    notebook.run(SETUP)
    result = notebook.run('cluster = zoe.attach("spark", workers=2)')
    assert not result.error, result.traceback
    assert "connected: <code>box</code>" in result.pages[-1] or "connected: `box`" in result.pages[-1]
    assert len(result.displays) == 1
    assert notebook.value("box.open, box.connection['name']") == "(True, 'spark-1')"
    assert zoe.find("spark-1")["attachment"] == {"server": "alice/", "kernel": "k1", "outlive": False}

    result = notebook.run("cluster.scale(4)")
    assert not result.error, result.traceback
    assert notebook.value("cluster.workers") == "4"

    notebook.run("old = box")
    result = notebook.run('bigger = cluster.swap("spark", workers=6)')
    assert not result.error, result.traceback
    assert notebook.value("old.open, box.open, box.connection['name'], bigger.workers") == "(False, True, 'spark-2', 6)"
    assert zoe.find("spark-1")["desired"] == "terminated"

    notebook.run("bigger.detach()")
    assert "NameError" in notebook.run("box").error
    assert zoe.find("spark-2")["state"] == "running"
    assert zoe.find("spark-2")["attachment"] is None

    result = notebook.run("bigger = zoe.connect(bigger.name)")
    assert not result.error, result.traceback
    assert notebook.value("box.open, bigger.state") == "(True, 'running')"

    result = notebook.run("bigger.terminate()")
    assert not result.error, result.traceback
    assert zoe.find("spark-2")["state"] == "terminated"
    assert "NameError" in notebook.run("box").error
    assert notebook.value("zoe.attachments") == "[]"


def test_the_same_with_await(notebook, zoe):
    notebook.run(SETUP)
    result = notebook.run('cluster = await zoe.aio.attach("spark", workers=2)')
    assert not result.error, result.traceback
    assert result.pages
    notebook.run("await cluster.scale(3)")
    assert notebook.value("cluster.workers, box.open") == "(3, True)"
    notebook.run("other = await cluster.swap(workers=1)")
    assert notebook.value("box.connection['name']") == "'spark-2'"
    notebook.run("await other.terminate()")
    assert zoe.find("spark-2")["state"] == "terminated"


def test_a_start_that_fails_gives_reason_and_log(start):
    with FailingZoe() as zoe:
        notebook = start(zoe)
        notebook.run(SETUP)
        result = notebook.run('zoe.attach("spark")')
    assert result.error.startswith("ExecutionEnded: spark-1 failed: There is no Java on this machine")
    assert "java: not found" in result.traceback
    assert "core.py" not in result.traceback


def test_refusals_are_one_sentence(notebook):
    notebook.run(SETUP)
    assert notebook.run('zoe.attach("sprk")').error == (
        "UnknownName: There is no ZApp named 'sprk'. Did you mean 'spark'?"
    )
    result = notebook.run('zoe.attach("spark", workers=101)')
    assert result.error == "InvalidParameter: workers: 101 is out of bounds: from 0 to 100"
    assert len(result.traceback.splitlines()) == 1
    result = notebook.run('zoe.attach("spark", lifetime="2h")')
    assert result.error.startswith("InvalidParameter: lifetime: '2h' does not say which time; write {'idle': '2h'}")
    assert notebook.run("zoe.attach(3)").error == "InvalidParameter: zapp: input should be a valid string"
    named = notebook.run('zoe.attach("spark", name="My cluster")')
    assert named.error.startswith("InvalidParameter: name: a name is 1 to 63 lowercase letters")
    assert len(named.traceback.splitlines()) == 1


def test_an_interrupted_start_leaves_nothing_behind(start):
    with SlowZoe() as zoe:
        notebook = start(zoe)
        notebook.run(SETUP)
        cell = notebook.begin('zoe.attach("spark")')
        notebook.end(cell, until_page="starting")
        notebook.interrupt()
        result = notebook.end(cell)
        assert result.error.startswith("KeyboardInterrupt")
        assert "interrupted; it is being terminated" in result.pages[-1]
        assert zoe.find("spark-1")["desired"] == "terminated"


def test_a_start_interrupted_while_the_service_is_away_is_not_said_to_have_ended(start):
    zoe = SlowZoe()
    zoe.__enter__()
    notebook = start(zoe)
    notebook.run(SETUP)
    cell = notebook.begin('zoe.attach("spark")')
    notebook.end(cell, until_page="starting")
    zoe.__exit__()
    notebook.interrupt()
    result = notebook.end(cell)
    assert result.error.startswith("KeyboardInterrupt")
    assert "Zoe could not be told to end it" in result.pages[-1]


def test_progress_shows_stages_and_workers(start):
    with SlowZoe(capacity=2) as zoe:
        notebook = start(zoe)
        notebook.run(SETUP)
        cell = notebook.begin('cluster = zoe.attach("spark", workers=4)')
        notebook.end(cell, until_page="waiting for Master")
        zoe.release()
        result = notebook.end(cell)
        assert "workers: 2 ready, granted 2 of 4 workers: no room for 2 more" in result.texts[-1]
        assert 'aria-live="polite"' in "".join(result.pages)
        assert notebook.value("cluster.workers") == "2"


def test_scaling_beyond_the_machines_returns_with_what_there_is(start):
    with FakeZoe(capacity=3) as zoe:
        notebook = start(zoe)
        notebook.run(SETUP)
        notebook.run('cluster = zoe.attach("spark", workers=2)')
        result = notebook.run("cluster.scale(5)")
        assert not result.error, result.traceback
        assert "granted 3 of 5" in result.texts[-1]
        assert notebook.value("cluster.workers") == "3"
        notebook.run("cluster.scale(1)")
        assert notebook.value("cluster.workers") == "1"


def test_a_wish_that_somebody_overtakes_ends_with_a_sentence(start):
    with ContestedZoe() as zoe:
        notebook = start(zoe)
        notebook.run(SETUP)
        notebook.run('cluster = zoe.attach("spark", workers=2)')
        result = notebook.run("cluster.scale(4)")
        assert "spark-1 was scaled to 6 by bob meanwhile." in result.error
        assert "spark-1 was scaled to 6 by bob meanwhile." in result.texts[-1]


def test_only_a_whole_number_is_a_size(notebook, zoe):
    notebook.run(SETUP)
    notebook.run('cluster = zoe.attach("spark")')
    result = notebook.run("cluster.scale('3')")
    assert "'3' is no number of workers; give a whole number, such as 4." in result.error


def test_a_swap_that_fails_leaves_the_old_cluster(notebook, zoe):
    notebook.run(SETUP)
    notebook.run('cluster = zoe.attach("spark")')
    result = notebook.run('cluster.swap("spark", workers=101)')
    assert "spark-1 stays attached, as it was." in result.error
    assert notebook.value("box.open, cluster.state") == "(True, 'running')"


def test_a_module_that_the_kernel_lacks(notebook, zoe):
    zoe.client_source = "import no_such_package\n"
    notebook.run(SETUP)
    result = notebook.run('zoe.attach("spark")')
    assert "the Python package 'no_such_package' is missing" in result.error
    assert zoe.find("spark-1")["desired"] == "terminated"


def test_names_of_the_users_own_are_left_alone(notebook):
    notebook.run(SETUP)
    notebook.run('cluster = zoe.attach("spark")')
    notebook.run("box = 'mine'")
    notebook.run("cluster.terminate()")
    assert notebook.value("box") == "'mine'"


def test_reprs(notebook, zoe):
    notebook.run(SETUP)
    notebook.run('cluster = zoe.attach("spark", workers=2)')
    result = notebook.run("cluster")
    assert result.value.startswith("<Cluster spark-1 (spark): running, workers: 2 of 2 ready, 2 CPU, Spark: /services")
    assert "`box`" in result.value
    assert 'href="/services/zoe/x/ui/"' in result.pages[0]
    assert "spark-1 (spark): running" in notebook.value("zoe.executions()")
    result = notebook.run("zoe.shop()")
    assert "workers=2 (0 to 100)" in result.value
    assert "A &lt;cluster&gt;" in result.pages[0]
    assert notebook.value("zoe.logs('spark-1')") == "first line\nsecond line"


def test_without_zoe(start):
    notebook = start(None)
    result = notebook.run(SETUP)
    assert result.error.startswith("ServiceUnavailable: Zoe is not set up here: ")
    assert "%zoe attach ZAPP" in notebook.run("%zoe").stdout


def test_interrupting_while_it_connects_leaves_nothing_behind(notebook, zoe):
    zoe.client_source = "import time\ndef connect(connection):\n    print('connecting'); time.sleep(600)\n"
    notebook.run(SETUP)
    cell = notebook.begin('zoe.attach("spark")')
    notebook.end(cell, until_stdout="connecting")
    notebook.interrupt()
    result = notebook.end(cell)
    assert result.error.startswith("KeyboardInterrupt")
    assert zoe.find("spark-1")["desired"] == "terminated"


def test_a_cancelled_await_leaves_nothing_behind(start):
    with SlowZoe() as zoe:
        notebook = start(zoe)
        notebook.run(SETUP)
        notebook.run("import asyncio; task = asyncio.create_task(zoe.aio.attach('spark'))")
        zoe.wait_for_follower()
        notebook.run("task.cancel()")
        notebook.run("import time\nwhile zoe.executions(): time.sleep(0.01)")
        assert zoe.find("spark-1")["state"] == "terminated"


def test_a_cluster_for_a_with_block(notebook, zoe):
    notebook.run(SETUP)
    result = notebook.run("with zoe.attach('spark') as cluster:\n    print(box.open)")
    assert result.stdout == "True\n"
    assert zoe.find("spark-1")["state"] == "terminated"


def test_in_a_program_without_a_kernel_progress_is_lines(python, zoe, tmp_path):
    code = "from zoe_widgets import Zoe\ncluster = Zoe().attach('spark')\nprint(box.open)\ncluster.terminate()\n"
    (tmp_path / "program.py").write_text(code)
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), *site.getsitepackages()]), "ZOE_URL": zoe.url, "ZOE_TOKEN": TOKEN,
    }  # fmt: skip
    command = [str(python), str(tmp_path / "program.py")]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert finished.stdout == "True\n", finished.stderr
    assert "spark-1: connected: `box`" in finished.stderr
