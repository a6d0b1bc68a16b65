"""Compiles the plugins with the Scala compiler that comes with Spark. Standard library only."""

from __future__ import annotations

import subprocess
from pathlib import Path

import runtime

PATIENCE = 300.0
"""Seconds after which the compiler counts as stuck."""


class NotCompiled(Exception):
    """Raised when there will be no plugins; the message says why."""


def compile_plugins(found: runtime.Runtime, cache: Path) -> Path:
    """The archive of the plugins in the folder; made unless it is there. Raises NotCompiled or OSError."""
    target = found.plugins(str(cache))
    if target.is_file():
        return target
    draft = target.with_suffix(".new.jar")
    classes = f"{found.spark_home}/jars/*"
    command = [found.java, *runtime.FAST_START, "-Xmx512m", "-cp", classes, "scala.tools.nsc.Main", "-usejavacp"]
    try:
        done = subprocess.run(
            [*command, "-d", str(draft), *map(str, runtime.PLUGINS.values())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
        )
        if done.returncode != 0 or not draft.is_file():
            last = "\n".join(done.stdout.strip().splitlines()[-10:])
            raise NotCompiled(f"Scala's compiler ended with status {done.returncode}:\n{last}\n")
        draft.rename(target)
    except subprocess.TimeoutExpired as error:
        raise NotCompiled(f"Scala's compiler was not done after {PATIENCE:g} seconds.") from error
    finally:
        draft.unlink(missing_ok=True)
    # Running clusters may still start executors with earlier plugins for the same Spark.
    for other in cache.glob("*.jar"):
        if found.fingerprint not in other.name:
            other.unlink()
    return target
