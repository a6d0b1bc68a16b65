from __future__ import annotations

from tests.client.fakes import FakeZoe, SlowZoe

SETUP = "from zoe_widgets import Zoe; zoe = Zoe()"


def test_a_restarted_kernel_is_connected_in_its_first_cell(notebook, zoe):
    notebook.run(SETUP)
    notebook.run('cluster = zoe.attach("spark", workers=3)')
    notebook.restart()
    result = notebook.run("print(box.open, box.connection['name'])")
    assert result.stdout == "True spark-1\n"
    notebook.run(SETUP)
    assert notebook.value("zoe.attachments[0].name, len(zoe.attachments)") == "('spark-1', 1)"


def test_running_the_notebook_again_from_its_top_starts_nothing_twice(notebook, zoe):
    cell = f'{SETUP}; cluster = zoe.attach("spark", workers=3)'
    notebook.run(cell)
    notebook.restart()
    result = notebook.run(cell)
    assert "was attached to this notebook already" in result.texts[-1]
    assert len(zoe.executions) == 1
    notebook.run('second = zoe.attach("spark", workers=3)')
    assert len(zoe.executions) == 2


def test_what_the_first_cell_finds_is_not_connected_a_second_time_by_it(notebook, zoe):
    zoe.submit({"zapp": "spark", "attachment": {"server": "alice/", "kernel": "k1"}}, "key")
    result = notebook.run(f'{SETUP}; cluster = zoe.connect("spark-1")')
    assert sum("connected" in text for text in result.texts if "spark-1" in text) >= 1
    assert len(result.displays) == 1
    assert notebook.value("box.open, cluster.name") == "(True, 'spark-1')"
    again = notebook.run('zoe.connect("spark-1")')
    assert "connected" in again.texts[-1], "asked for a second time, it is connected anew"


def test_other_notebooks_clusters_are_left_alone(notebook, zoe):
    notebook.run(SETUP)
    notebook.run('cluster = zoe.attach("spark")')
    zoe.find("spark-1")["attachment"] = {"server": "alice/", "kernel": "another"}
    notebook.restart()
    assert "NameError" in notebook.run("box").error


def test_a_cluster_that_is_still_starting_is_waited_for(start):
    with SlowZoe() as zoe:
        execution = zoe.submit({"zapp": "spark", "attachment": {"server": "alice/", "kernel": "k1"}}, "key")
        notebook = start(zoe)
        cell = notebook.begin("print(box.open)")
        notebook.end(cell, until_page="waiting for Master")
        zoe.release()
        assert notebook.end(cell).stdout == "True\n"
        assert execution["state"] == "running"


def test_interrupting_that_leaves_the_cluster_alone(start):
    with SlowZoe() as zoe:
        execution = zoe.submit({"zapp": "spark", "attachment": {"server": "alice/", "kernel": "k1"}}, "key")
        notebook = start(zoe)
        cell = notebook.begin("1 + 1")
        notebook.end(cell, until_page="waiting for Master")
        notebook.interrupt()
        result = notebook.end(cell)
        assert "Interrupted; zoe.connect('spark-1') connects later." in result.texts[-1]
        assert result.value == "2"
        assert execution["desired"] == "running"


def test_a_notebook_that_is_one_with_its_cluster(start):
    with FakeZoe() as zoe:
        execution = zoe.submit({"zapp": "jupyterlab-spark", "attachment": {"server": "alice/", "kernel": None}}, "key")
        notebook = start(zoe, ZOE_EXECUTION=execution["id"])
        assert notebook.run("print(box.open)").stdout == "True\n"
        notebook.run(SETUP)
        result = notebook.run("zoe.attachments[0].terminate()")
        assert "is one with this notebook's own server" in result.error
        assert execution["desired"] == "running"


def test_a_notebook_without_a_cluster_asks_and_does_nothing(start):
    with FakeZoe() as zoe:
        execution = zoe.submit({"zapp": "lab", "attachment": {"server": "alice/", "kernel": None}}, "key")
        notebook = start(zoe, ZOE_EXECUTION=execution["id"])
        result = notebook.run("import sys; print('zoe_hub.client' in sys.modules)")
        assert (result.stdout, result.stderr, result.pages) == ("False\n", "", [])


def test_a_connection_that_died_is_made_anew_before_the_next_cell(notebook, zoe, tmp_path):
    dead = tmp_path / "dead"
    zoe.connection["dead_when"] = str(dead)
    notebook.run(SETUP)
    notebook.run('cluster = zoe.attach("spark"); old = box')
    zoe.wait_for_follower()
    dead.touch()
    zoe.restart("spark-1")
    notebook.run("import time\nwhile not cluster._attached.suspect or cluster.state != 'running': time.sleep(0.01)")
    result = notebook.run("print(box is old, old.open, box.open)")
    assert result.stdout == "False False True\n"
    assert "spark-1 was started again by Zoe, and `box` connected anew" in result.texts[-1]


def test_a_connection_that_survived_a_restart_is_kept(notebook, zoe):
    notebook.run(SETUP)
    notebook.run('cluster = zoe.attach("spark"); old = box')
    zoe.wait_for_follower()
    zoe.restart("spark-1")
    notebook.run("import time\nwhile not cluster._attached.suspect or cluster.state != 'running': time.sleep(0.01)")
    result = notebook.run("print(box is old)")
    assert (result.stdout, result.stderr, result.texts) == ("True\n", "", [])


def test_a_cluster_that_ended_elsewhere_takes_its_names_along(notebook, zoe):
    notebook.run(SETUP)
    notebook.run('cluster = zoe.attach("spark")')
    zoe.wait_for_follower()
    zoe.soon(lambda: zoe.terminate(zoe.find("spark-1")))
    notebook.run("import time\nwhile cluster.state != 'terminated': time.sleep(0.01)")
    result = notebook.run("'box' in globals()")
    assert result.value == "False"
    assert "spark-1 was terminated. `box` went with it." in result.texts[-1]


def test_a_service_that_is_away_does_not_stop_the_first_cell(start):
    with FakeZoe() as zoe:
        notebook = start(zoe)
    result = notebook.run("1 + 1")
    assert result.value == "2"
    assert "Zoe could not be asked" in result.texts[-1]


def test_a_cluster_that_the_service_does_not_know_any_more_is_let_go(notebook, zoe):
    """As after a long sleep: it has ended, and is deleted."""
    notebook.run(SETUP)
    notebook.run('cluster = zoe.attach("spark")')
    zoe.wait_for_follower()
    execution = zoe.find("spark-1")
    zoe.delete("spark-1")
    zoe.soon(lambda: zoe.emit(execution, "execution.waiting", reason=""))
    notebook.run("import time\nwhile cluster.state != 'terminated': time.sleep(0.01)")
    result = notebook.run("print('box' in globals(), zoe.attachments)")
    assert result.stdout == "False []\n"
    assert "spark-1 was terminated: it ended, and is not kept any more. `box` went with it." in result.texts[-1]
