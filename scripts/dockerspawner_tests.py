"""Run DockerSpawner's own tests on ZoeDockerSpawner: those of the installed release, from its source package."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
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
        command = [sys.executable, "-m", "pytest", "-p", "tests.spawner.dockerspawner_suite", "-ra", *arguments]
        return subprocess.run([*command, str(tests)], cwd=tests, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
