from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts import set_up, system
from scripts.errors import SetUpError
from scripts.folders import CHECKOUT, Folders
from scripts.stamps import Stamp, digest


def test_everything_is_below_zoe_home(tmp_path: Path) -> None:
    folders = Folders.of({"ZOE_HOME": str(tmp_path / "elsewhere")})
    for name in ("venv", "python", "node", "bundled_node", "proxy", "stamps", "data", "log"):
        assert (tmp_path / "elsewhere") in getattr(folders, name).parents
    environment = folders.environment({"PATH": "/usr/bin"})
    assert environment["PIP_CACHE_DIR"].startswith(str(folders.home))
    assert environment["npm_config_cache"].startswith(str(folders.home))


def test_zoe_home_is_in_the_checkout_unless_said() -> None:
    assert Folders.of({}).home == CHECKOUT / ".zoe"


def test_programs_of_the_environment_come_first_on_path(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    path = folders.environment({"PATH": "/usr/bin:/bin"})["PATH"].split(":")
    assert path[0] == str(tmp_path / "venv" / "bin")
    assert path[-2:] == ["/usr/bin", "/bin"]


def test_a_chosen_cache_is_left_alone(tmp_path: Path) -> None:
    assert Folders(tmp_path).environment({"PIP_CACHE_DIR": "/elsewhere"})["PIP_CACHE_DIR"] == "/elsewhere"


def test_an_old_python_is_refused_with_what_to_type() -> None:
    with pytest.raises(SetUpError, match=r"Python 3\.10 or newer is needed, and this is 3\.9\.2.*make hub PYTHON="):
        set_up.check_python((3, 9, 2))
    set_up.check_python((3, 10, 0))


def test_a_stage_is_done_again_when_a_file_changed(tmp_path: Path) -> None:
    stamp, file = Stamp(tmp_path / "stamps", "packages"), tmp_path / "pyproject.toml"
    file.write_text("one")
    key = digest("demo", files=[file])
    assert not stamp.holds(key)
    stamp.set(key)
    assert stamp.holds(digest("demo", files=[file]))
    assert not stamp.holds(digest("dev", files=[file]))
    file.write_text("two")
    assert not stamp.holds(digest("demo", files=[file]))


def test_an_environment_is_not_made_anew_from_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "venv" / "bin"
    inside.mkdir(parents=True)
    (inside / "python").touch()
    monkeypatch.setattr("sys.prefix", str(tmp_path / "venv"))
    # Another Python than the one that the stamp knows, as it would be after `source venv/bin/activate`.
    Stamp(tmp_path / "stamps", "venv").set(digest("another Python"))
    set_up.SetUp("demo", {"ZOE_HOME": str(tmp_path)})._venv()
    assert (inside / "python").exists()
    assert not (tmp_path / "venv" / "pyvenv.cfg").exists()


@pytest.fixture
def no_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A PATH with an apt-get that must not be called, for a user without sudo; no list of packages is there."""
    for name, script in (("apt-get", "exit 99"), ("apt-cache", "")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    return tmp_path


def test_without_root_one_sentence_says_what_to_type(no_root: Path) -> None:
    groups = [(system.venv_package(),), system.JAVA_PACKAGES]
    with pytest.raises(SetUpError) as caught:
        system.package_manager(groups, "Python's venv module and Java 17 or newer")
    assert str(caught.value) == (
        "Missing: Python's venv module and Java 17 or newer. Please type, or ask the administrator to type: "
        f"sudo apt-get install {system.venv_package()} openjdk-17-jre-headless"
    )


def test_without_root_a_package_is_named_that_this_release_has(no_root: Path) -> None:
    script = '#!/bin/sh\n[ "$2" != openjdk-21-jre-headless ] || echo "  Candidate: 21.0.9+10-1"\n'
    (no_root / "apt-cache").write_text(script)
    with pytest.raises(SetUpError, match=r"apt-get install openjdk-21-jre-headless\Z"):
        system.package_manager([system.JAVA_PACKAGES], "Java 17 or newer")


def test_a_refusal_is_all_that_is_said(
    no_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("scripts.finder.find_java", lambda environ: None)
    with pytest.raises(SetUpError, match="Missing: "):
        set_up.SetUp("demo", {"ZOE_HOME": str(no_root / "home"), "PATH": str(no_root)}).run()
    assert capsys.readouterr().out == ""
    assert sorted(path.name for path in (no_root / "home").iterdir()) == ["log", "set-up.lock"]


def test_a_sudo_that_wants_a_password_is_not_used(no_root: Path) -> None:
    sudo = no_root / "sudo"
    sudo.write_text("#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n")
    sudo.chmod(0o755)
    assert system.elevation() is None


def test_a_system_without_apt_is_told_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetUpError, match="Please install Java 17 or newer with this system's package manager"):
        system.package_manager([system.JAVA_PACKAGES], "Java 17 or newer")


def test_a_stage_that_fails_shows_its_last_lines_and_the_log(tmp_path: Path) -> None:
    run = set_up.SetUp("demo", {"ZOE_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})
    run.log.parent.mkdir()
    run.log.write_text("of an earlier stage\n")
    with pytest.raises(SetUpError) as caught:
        run._call(["sh", "-c", "echo collecting; echo no such package >&2; exit 1"], "the Python packages")
    assert str(caught.value).splitlines() == [
        "collecting",
        "no such package",
        f"Setting up the Python packages failed. All that was said is in {run.log}.",
    ]


def test_the_answer_of_a_stage_is_apart_from_its_log(tmp_path: Path) -> None:
    run = set_up.SetUp("demo", {"ZOE_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})
    run.log.parent.mkdir()
    run.log.write_text("")
    assert run._call(["sh", "-c", "echo '[]'; echo a warning >&2"], "the frameworks", answer=True) == "[]\n"
    assert run.log.read_text() == "a warning\n"


def test_a_stage_that_is_stopped_may_end_what_it_started(tmp_path: Path) -> None:
    ready, cleared = tmp_path / "ready", tmp_path / "cleared"
    stage = f"""
import pathlib, time
try:
    pathlib.Path({str(ready)!r}).touch()
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(1)
    pathlib.Path({str(cleared)!r}).touch()
"""
    starter = f"""
import sys
from scripts.set_up import SetUp
one = SetUp("demo", {{"ZOE_HOME": {str(tmp_path)!r}}})
one.log.parent.mkdir()
one.log.touch()
one._call([sys.executable, "-c", {stage!r}], "what takes long")
"""
    with subprocess.Popen(
        [sys.executable, "-c", starter], cwd=CHECKOUT, start_new_session=True, stderr=subprocess.DEVNULL
    ) as person:
        deadline = time.monotonic() + 60
        while not ready.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(person.pid, signal.SIGINT)
    assert cleared.exists()


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(SetUpError, match=r"file/home/log cannot be written: Not a directory.*make hub ZOE_HOME="):
        set_up.SetUp("demo", {"ZOE_HOME": str(tmp_path / "file" / "home")}).run()
