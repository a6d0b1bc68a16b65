from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from traitlets.config import Config, PyFileConfigLoader
from traitlets.config.loader import LazyConfigValue

from scripts import hub
from scripts.errors import SetUpError
from scripts.folders import CHECKOUT

CONFIG = CHECKOUT / "deploy" / "demo" / "jupyterhub_config.py"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("ZOE_HOME", str(tmp_path))
    monkeypatch.setenv("ZOE_PORT", "8123")
    monkeypatch.setenv("ZOE_DEMO_PASSWORD", "correct horse")
    return PyFileConfigLoader(CONFIG.name, path=str(CONFIG.parent)).load_config()


def test_everything_listens_on_loopback(config: Config) -> None:
    for url in (config.JupyterHub.bind_url, config.JupyterHub.hub_bind_url, config.ConfigurableHTTPProxy.api_url):
        assert urlsplit(url).hostname == "127.0.0.1"
    assert config.Spawner.ip == "127.0.0.1"
    assert urlsplit(config.JupyterHub.bind_url).port == 8123
    services = config.JupyterHub.services
    for service in services.get_value([]) if isinstance(services, LazyConfigValue) else services:
        assert urlsplit(service.get("url", "http://127.0.0.1")).hostname == "127.0.0.1"


def test_everything_is_written_below_zoe_home(config: Config, tmp_path: Path) -> None:
    assert config.JupyterHub.db_url == f"sqlite:///{tmp_path}/data/jupyterhub.sqlite"
    for path in (
        config.JupyterHub.cookie_secret_file,
        config.ConfigurableHTTPProxy.pid_file,
        config.SimpleLocalProcessSpawner.home_dir_template,
    ):
        assert path.startswith(f"{tmp_path}/data/")


async def test_any_user_with_the_password(config: Config) -> None:
    authenticator = config.JupyterHub.authenticator_class(config=config)
    assert await authenticator.authenticate(None, {"username": "alice", "password": "correct horse"}) == "alice"
    assert await authenticator.authenticate(None, {"username": "alice", "password": "wörng"}) is None
    assert authenticator.allow_all
    assert authenticator.admin_users == {"admin"}


@pytest.mark.parametrize(
    "name", ["../bob", "a/b", ".", "..", "", "bob\n", "a b", "-bob", "b" * 64, "{username}", "bøb"]
)
def test_a_user_name_that_could_leave_its_folder_is_refused(config: Config, name: str) -> None:
    authenticator = config.JupyterHub.authenticator_class(config=config)
    assert not (name and authenticator.validate_username(name))


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_is_one_sentence_with_a_free_one(taken: int) -> None:
    with pytest.raises(SetUpError) as caught:
        hub.check_port(str(taken))
    found = re.fullmatch(
        rf"Port {taken} of 127.0.0.1 is taken by another program. Name a free one: make hub ZOE_PORT=(\d+)",
        str(caught.value),
    )
    assert found is not None
    assert hub.check_port(found.group(1)) == int(found.group(1))


@pytest.mark.parametrize("text", ["http", "0", "65536", "-1", "80.5"])
def test_a_port_that_is_none(text: str) -> None:
    with pytest.raises(SetUpError, match="ZOE_PORT must be a number from 1 to 65535"):
        hub.check_port(text)


def test_the_starter_says_the_sentence_and_nothing_else(taken: int, tmp_path: Path) -> None:
    environ = {**os.environ, "ZOE_PORT": str(taken), "ZOE_HOME": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-m", "scripts.hub"], cwd=CHECKOUT, env=environ, capture_output=True, text=True
    )
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.startswith(f"Port {taken} of 127.0.0.1 is taken")
    assert run.stderr.count("\n") == 1


def test_a_second_demo_on_the_same_folder_is_told_of_the_first(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    holder = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); "
    holder += "f.write('http://127.0.0.1:8000 (process 1)'); f.flush(); print('held', flush=True); input()"
    lock = str(tmp_path / "data" / "demo.lock")
    with subprocess.Popen(
        [sys.executable, "-c", holder, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        try:
            with pytest.raises(SetUpError, match=r"already runs on .*: http://127\.0\.0\.1:8000 \(process 1\)"):
                hub.Demo({"ZOE_HOME": str(tmp_path), "ZOE_PORT": str(hub.other_port(20000))}).run()
        finally:
            first.communicate("\n")


_PRESSED_TWICE = """
import os, signal, sys
from scripts import hub

def press():
    os.kill(os.getpid(), signal.SIGINT)

def say(text, tell=hub.say):
    if "Ending" in text:
        press()
    tell(text)

hub.say = say
for step in ("_start", "_wait_until_up", "_announce"):
    setattr(hub.Demo, step, lambda demo: None)
hub.Demo._watch = lambda demo: press()
hub.Demo._stop = lambda demo: print("stopped")
sys.exit(hub.main())
"""


def test_ctrl_c_may_be_pressed_twice(tmp_path: Path) -> None:
    environment = {**os.environ, "ZOE_HOME": str(tmp_path), "ZOE_PORT": str(hub.other_port(0))}
    command = [sys.executable, "-c", _PRESSED_TWICE]
    ended = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "stopped" in ended.stdout
    assert "Everything has ended." in ended.stdout


def test_a_password_is_made_for_each_run_unless_given(tmp_path: Path) -> None:
    made = {hub.Demo({"ZOE_HOME": str(tmp_path)}).password for _ in range(2)}
    assert len(made) == 2
    assert hub.Demo({"ZOE_HOME": str(tmp_path), "ZOE_DEMO_PASSWORD": "mine"}).password == "mine"


def test_processes_that_left_their_group_and_parent_are_ended_too() -> None:
    program = """
import os, subprocess, sys
from scripts import processes
processes.adopt_orphans()
inner = "import os, sys, time; os.fork() and os._exit(0); os.setsid(); print(os.getpid(), flush=True); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", inner], stdout=subprocess.PIPE, text=True)
orphan = int(child.stdout.readline())
child.wait()
assert orphan in processes.descendants(os.getpid())
assert orphan in processes.end_descendants()
assert processes.descendants(os.getpid()) == []
print(orphan)
"""
    run = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    with pytest.raises(ProcessLookupError):
        os.kill(int(run.stdout), signal.SIG_DFL)
