"""The system's package manager: whether it may be used, and what to type when not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .errors import SetUpError

JAVA_PACKAGES = ("openjdk-17-jre-headless", "openjdk-21-jre-headless", "default-jre-headless")
"""Debian 12 and Ubuntu have the first, Debian 13 only the second."""


def venv_package() -> str:
    """Debian's package without which this Python makes no environments."""
    return f"python3.{sys.version_info.minor}-venv"


def elevation() -> list[str] | None:
    """What to put before a command to run it as root; None when this user may not."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        return None
    allowed = subprocess.run(["sudo", "-n", "true"], stdin=subprocess.DEVNULL, capture_output=True).returncode == 0
    return ["sudo", "-n"] if allowed else None


def package_manager(wanted: Sequence[Sequence[str]], what: str) -> list[str]:
    """How this user calls apt-get. Raises SetUpError, which says what to type, when there is none or the user may not.

    `wanted` and `what` are those of `install`.
    """
    if shutil.which("apt-get") is None:
        raise SetUpError(f"Please install {what} with this system's package manager, and type the command again.")
    sudo = elevation()
    if sudo is None:
        packages = " ".join(_available(group) for group in wanted)
        raise SetUpError(
            f"Missing: {what}. Please type, or ask the administrator to type: sudo apt-get install {packages}"
        )
    return [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=120"]


def install(apt: Sequence[str], wanted: Sequence[Sequence[str]], what: str, log: Path) -> None:
    """Install one package of each group of alternatives. Raises SetUpError, which says what to type.

    `apt` is what `package_manager` gave; `what` names the missing things in the error.
    """
    with log.open("ab") as output:
        # A package list that cannot be brought up to date may still be good enough: the next command decides.
        subprocess.run([*apt, "update"], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        packages = [_available(group) for group in wanted]
        command = [*apt, "install", "-y", "--no-install-recommends", *packages]
        code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output).returncode
    if code != 0:
        raise SetUpError(
            f"Missing: {what}; `apt-get install {' '.join(packages)}` failed (see {log}). "
            "Please install them by hand, and type the command again."
        )


def _available(group: Sequence[str]) -> str:
    for package in group:
        policy = subprocess.run(
            ["apt-cache", "policy", package], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}
        )
        if "Candidate:" in policy.stdout and "Candidate: (none)" not in policy.stdout:
            return package
    return group[0]
