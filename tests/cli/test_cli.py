from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys

import pytest

from tests.cli.hubs import FakeHub
from tests.cli.running import ROOT, run_zoe
from tests.client.fakes import TOKEN, FailingZoe, SlowZoe


def test_keeping_one_and_its_end(run, zoe):
    assert run("start", "spark", "--name", "mine").returncode == 0
    zoe.soon(lambda: zoe.warn("mine"))
    assert "idle for 60 minutes" in run("ls").stdout
    shown = run("show", "mine").stdout
    assert re.search(r"ends after: +60 minutes idle", shown), shown
    assert re.search(r"ends: +at .*: idle for 60 minutes", shown), shown
    kept = run("keep", "mine", "2h")
    assert re.fullmatch(r"mine is kept until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\n", kept.stdout), kept.stderr
    assert "ends:" not in run("show", "mine").stdout
    assert run("keep", "mine", "0").stdout == "mine is not kept any more.\n"
    refused = run("keep", "mine", "3 days")
    assert refused.returncode != 0
    assert "at most 24 hours" in refused.stderr
    assert "write a number and a unit" in run("keep", "mine", "long").stderr


def test_a_clusters_life(run, zoe):
    shop = run("shop")
    assert shop.returncode == 0, shop.stderr
    assert "workers=2" in shop.stdout

    started = run("start", "spark", "-p", "workers=3", "--name", "mine")
    assert (started.returncode, started.stdout) == (0, "mine is running.\n"), started.stderr
    assert "mine" in run("ls").stdout
    shown = run("show", "mine").stdout
    assert "3/3" in shown
    assert "spark.worker" in shown
    assert run("scale", "mine", "4").stdout == "mine: workers=4 is asked for.\n"
    assert run("scale", "mine", "-p", "workers=1").returncode == 0
    assert run("logs", "mine", "--tail", "1").stdout == "second line\n"
    assert "execution.scaled" in run("events", "mine").stdout
    ended = run("terminate", "mine", "--yes")
    assert (ended.returncode, ended.stdout) == (0, "mine is terminated.\n")
    assert run("ls").stdout == "Nothing runs.\n"
    assert "terminated" in run("ls", "--all").stdout


def test_the_same_for_programs(run):
    assert json.loads(run("shop", "--json").stdout)["zapps"][0]["name"] == "spark"
    assert json.loads(run("plan", "spark", "-p", "workers=5", "--json").stdout)["parameters"] == {"workers": 5}
    started = json.loads(run("start", "spark", "--json").stdout)
    assert (started["name"], started["state"]) == ("spark-1", "running")
    assert [e["name"] for e in json.loads(run("ls", "--json").stdout)] == ["spark-1"]
    assert json.loads(run("show", "spark-1", "--json").stdout)["granted"] == {"spark.master": 1, "spark.worker": 2}
    assert json.loads(run("scale", "spark-1", "3", "--json").stdout)["parameters"] == {"workers": 3}
    lines = run("logs", "spark-1", "--json").stdout.splitlines()
    assert json.loads(lines[0]) == {"execution": "spark-1", "line": "first line"}
    assert json.loads(run("events", "--json").stdout.splitlines()[0])["kind"] == "execution.submitted"
    assert json.loads(run("terminate", "spark-1", "-y", "--json").stdout)[0]["state"] == "terminated"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["start", "sprk"], 4, "zoe: There is no ZApp named 'sprk'. Did you mean 'spark'?"),
        (["start", "spark", "-p", "workers=101"], 1, "zoe: workers: 101 is out of bounds: from 0 to 100"),
        (["start", "spark", "-p", "workers"], 1, "zoe: 'workers' is no parameter; write -p NAME=VALUE"),
        (["start", "spark", "--name", "My cluster"], 1, "zoe: name: a name is 1 to 63 lowercase letters, digits and"),
        (["plan", "spark" * 50], 1, "zoe: zapp: string should have at most 200 characters"),
        (["show", "nothing"], 4, "zoe: There is no execution named 'nothing'."),
        (["terminate", "nothing"], 1, "zoe: Give --yes: there is nobody here to ask."),
        (["terminate", "nothing", "-y"], 4, "zoe: There is no execution named 'nothing'."),
        (["scale", "nothing"], 1, "zoe: Say how many workers"),
    ],
)
def test_refusals_are_one_sentence_and_an_exit_code(run, arguments, code, sentence):
    finished = run(*arguments)
    assert finished.returncode == code
    assert finished.stderr.startswith(sentence)
    assert len(finished.stderr.splitlines()) == 1
    assert finished.stdout == ""


def test_a_wrong_token(run):
    finished = run("ls", ZOE_API_TOKEN="wrong-secret")
    assert finished.returncode == 5
    assert "wrong-secret" not in finished.stderr


def test_a_token_in_a_file(zoe, tmp_path):
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    assert run_zoe("--url", zoe.url, "--token-file", str(file), "ls").returncode == 0
    file.write_text("two words")
    assert "does not hold a token and nothing else" in run_zoe("--url", zoe.url, "--token-file", str(file), "ls").stderr


def test_without_a_service():
    finished = run_zoe("ls")
    assert (finished.returncode, finished.stderr.partition(".")[0]) == (3, "zoe: Nothing says where Zoe is")


@pytest.mark.parametrize(
    ("url", "code", "sentence"),
    [
        ("hub.example.org", 1, "zoe: 'hub.example.org' is no address of Zoe; it is written like http"),
        ("http://no-such-machine.invalid/services/zoe", 3, "zoe: No machine called no-such-machine.invalid is known"),
    ],
)
def test_an_address_at_which_nothing_is(url, code, sentence):
    done = run_zoe("--url", url, "ls")
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(sentence)


def test_a_file_of_a_token_that_is_not_there(zoe, tmp_path):
    done = run_zoe("--url", zoe.url, "--token-file", str(tmp_path / "none"), "ls")
    assert done.returncode == 1
    assert done.stderr == f"zoe: The token cannot be read from {tmp_path}/none: No such file or directory.\n"


def test_who_does_not_wait_for_a_start_is_told_that_it_goes_on():
    with SlowZoe() as slow:
        command = [sys.executable, "-m", "zoe_hub.cli", "start", "spark"]
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("ZOE_", "JUPYTERHUB_"))}
        environment |= {"ZOE_API_URL": slow.url, "ZOE_API_TOKEN": TOKEN, "PYTHONPATH": str(ROOT)}
        done = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        first = done.stderr.readline()
        done.send_signal(signal.SIGINT)
        said = done.communicate(timeout=60)[1]
    assert (done.returncode, first.startswith("spark-1: ")) == (130, True)
    assert "zoe: spark-1 goes on without being waited for; `zoe terminate spark-1` ends it." in said
    assert "Traceback" not in said


def test_a_start_that_fails():
    with FailingZoe() as zoe:
        finished = run_zoe("start", "spark", ZOE_API_URL=zoe.url, ZOE_API_TOKEN=TOKEN)
    assert finished.returncode == 6
    assert finished.stderr.splitlines()[-1].startswith("zoe: spark-1 failed: There is no Java on this machine")


def test_a_zapp_with_a_notebook_is_started_by_the_hub(run):
    with FakeHub(allowed="strong") as hub:
        options = {"JUPYTERHUB_API_URL": hub.url, "JUPYTERHUB_API_TOKEN": "strong"}
        finished = run("start", "jupyterlab-spark", "-p", "workers=2", "--name", "work", **options)
        assert finished.returncode == 0, finished.stderr
        assert finished.stdout == "alice/work is ready at /user/alice/work\n"
        assert hub.started == {"work": {"zapp": "jupyterlab-spark", "parameters": {"workers": 2}}}
        again = run("start", "jupyterlab-spark", "--name", "work", **options)
        assert again.returncode == 1
        assert "alice/work is running or on its way" in again.stderr
        document = json.loads(run("start", "jupyterlab-spark", "--json", "--no-wait", **options).stdout)
        assert (document["name"], document["ready"]) == ("alice/", False)
        beside = run("start", "jupyterlab-spark", **options)
        assert beside.stdout == "alice/jupyterlab-spark is ready at /user/alice/jupyterlab-spark\n"


def test_a_token_that_may_not_start_servers(run):
    with FakeHub(allowed="strong") as hub:
        options = {"JUPYTERHUB_API_URL": hub.url, "JUPYTERHUB_API_TOKEN": "weak"}
        finished = run("start", "jupyterlab-spark", **options)
    assert finished.returncode == 5
    assert "it needs the scope servers" in finished.stderr


def test_a_server_that_does_not_start(run):
    with FakeHub(allowed="strong", fails="Spawn failed: no room") as hub:
        options = {"JUPYTERHUB_API_URL": hub.url, "JUPYTERHUB_API_TOKEN": "strong"}
        finished = run("start", "jupyterlab-spark", **options)
    assert finished.returncode == 6
    assert "alice/ did not start: Spawn failed: no room" in finished.stderr


def test_whoever_has_read_enough_may_close_the_pipe(run, zoe):
    zoe.log = b"a line\n" * 100_000
    run("start", "spark")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "ZOE_API_URL": zoe.url, "ZOE_API_TOKEN": TOKEN}
    command = f"{sys.executable} -m zoe_hub.cli logs spark-1 | head -n 1"
    finished = subprocess.run(command, shell=True, env=environment, capture_output=True, text=True, check=False)
    assert (finished.stdout, finished.stderr) == ("a line\n", "")


def test_the_help_is_quick_because_it_imports_little():
    code = (
        "import sys, zoe_hub.cli\nsys.argv = ['zoe', '--help']\n"
        "try:\n    zoe_hub.cli.main()\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('httpx', 'pydantic', 'sqlalchemy', 'tornado') if m in sys.modules], file=sys.stderr)"
    )
    finished = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.stderr.strip() == "[]"
