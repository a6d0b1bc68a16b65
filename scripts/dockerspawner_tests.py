"""Run DockerSpawner's own tests on ZoeDockerSpawner: those of the installed release, from its source package.

They are written for JupyterHub 5: newer ones refuse the names of servers in them, whatever the spawner.
"""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import venv
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
JUPYTERHUB = "5.5.1"
FILES = ("test_dockerspawner.py", "test_deprecations.py")
"""The other files are about other classes."""
SETTINGS = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = module
markers =
    role
    user
    slow
    group
    services
    db
"""


def main(arguments: list[str]) -> int:
    """Exit status of pytest, to which further arguments are given."""
    version = importlib.metadata.version("dockerspawner")
    with tempfile.TemporaryDirectory(prefix="zoe-dockerspawner-") as name:
        folder = Path(name)
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "dockerspawner", "--dest",
             str(folder), f"dockerspawner=={version}"],
            check=True,
        )  # fmt: skip
        (package,) = folder.glob("dockerspawner-*.tar.gz")
        tests = folder / "tests"
        tests.mkdir()
        with tarfile.open(package) as source:
            for file in FILES:
                member = source.extractfile(f"dockerspawner-{version}/tests/{file}")
                assert member is not None
                (tests / file).write_bytes(member.read())
        (tests / "pytest.ini").write_text(SETTINGS)
        # The Hub of these tests writes where it is started, and takes servers of this machine for its own.
        environment = {key: value for key, value in os.environ.items() if not key.startswith("JUPYTERHUB_")}
        environment["PYTHONPATH"] = os.pathsep.join([str(CHECKOUT), environment.get("PYTHONPATH", "")])
        command = [str(interpreter()), "-m", "pytest", "-p", "tests.spawner.dockerspawner_suite", "-ra", *arguments]
        return subprocess.run([*command, str(tests)], cwd=tests, env=environment, check=False).returncode


def interpreter() -> Path:
    """The Python of an environment that is this one but for its JupyterHub, made at the first call."""
    home = Path(os.environ.get("ZOE_HOME") or CHECKOUT / ".zoe")
    folder = home / "cache" / f"jupyterhub-{JUPYTERHUB}"
    python, done = folder / "bin" / "python", folder / "complete"
    if not done.exists():
        venv.create(folder, with_pip=True, clear=True)
        (packages,) = folder.glob("lib/python*/site-packages")
        (packages / "here.pth").write_text(sysconfig.get_path("purelib") + "\n")
        quiet = ["--quiet", "--disable-pip-version-check"]
        subprocess.run([str(python), "-m", "pip", "install", *quiet, f"jupyterhub=={JUPYTERHUB}"], check=True)
        done.touch()
    return python


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
