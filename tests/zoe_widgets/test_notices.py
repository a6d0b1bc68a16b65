from __future__ import annotations

import os
import site
import subprocess

import pytest

from tests.client.fakes import TOKEN

from .notebooks import ROOT

SETUP = "from zoe_widgets import Zoe; zoe = Zoe()"
GREW = "12 tasks wait: 1 -> 4 workers"
WAIT = "import time\nwhile cluster.workers != 4: time.sleep(0.01)\ntime.sleep(0.5)"


def test_what_a_cluster_says_by_itself_looks_like_a_notice_and_no_error(notebook, zoe):
    notebook.run(SETUP)
    attached = notebook.begin('cluster = zoe.attach("spark", workers=1).adapt(1, 8)\nprint("at work")\n' + WAIT)
    notebook.end(attached, until_stdout="at work")
    zoe.wait_for_follower()
    zoe.soon(lambda: zoe.resize("spark-1", 4, GREW))
    result = notebook.end(attached)
    assert result.stderr == ""
    assert f"spark-1: {GREW}" in result.texts
    page = result.pages[result.texts.index(f"spark-1: {GREW}")]
    assert 'role="status"' in page
    assert "1 -&gt; 4 workers" in page


@pytest.mark.parametrize(
    ("before", "caught"),
    [
        ("%%capture caught\n", "caught.stdout, caught.stderr, caught.outputs"),
        (
            "import contextlib, io\nout, err = io.StringIO(), io.StringIO()\n"
            "with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):\n  ",
            "out.getvalue(), err.getvalue(), []",
        ),
    ],
)
def test_what_a_cell_catches_is_only_what_it_made_itself(notebook, zoe, before, caught):
    notebook.run(SETUP)
    notebook.run('cluster = zoe.attach("spark", workers=1).adapt(1, 8)')
    notebook.run(
        "def wait():\n    " + WAIT.replace("\n", "\n    ") + "\n    from zoe_widgets import notices\n"
        "    notices.say('`box` grew')\n    print('waited')"
    )
    zoe.wait_for_follower()
    zoe.soon(lambda: zoe.resize("spark-1", 4, GREW))
    result = notebook.run(before + "wait()")
    assert notebook.value(caught) == "('waited\\n', '', [])"
    assert (result.stdout, result.stderr) == ("", "")
    assert result.texts == ["`box` grew"]
    assert "<code>box</code>" in result.pages[0]


def test_a_program_hears_it_on_standard_error(python, zoe, tmp_path):
    program = "from zoe_widgets import notices\nnotices.say('spark-1 ends in 5 minutes')\nprint('result')"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *site.getsitepackages()]), "ZOE_TOKEN": TOKEN}
    environment["IPYTHONDIR"] = str(tmp_path)
    for interpreter in ([str(python), "-c", program], [str(python), "-m", "IPython", "-c", program]):
        finished = subprocess.run(interpreter, env=environment, capture_output=True, text=True, check=True, timeout=60)
        assert finished.stdout == "result\n"
        assert "spark-1 ends in 5 minutes" in finished.stderr.splitlines()
