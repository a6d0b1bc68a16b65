"""Runs `zoe` as a program of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run_zoe(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("ZOE_", "JUPYTERHUB_"))}
    return subprocess.run(
        [sys.executable, "-m", "zoe_hub.cli", *arguments],
        env=inherited | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "100", **environment},
        capture_output=True, text=True, timeout=60, input=stdin, check=False,
    )  # fmt: skip
