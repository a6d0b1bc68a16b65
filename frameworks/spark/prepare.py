"""Makes what clusters use that is not in Spark's package: ``prepare.py CACHE``.

The plugins let executors leave without failed tasks, and a driver start beside its master. The class archive lets
Spark's processes start in half the time: a JVM spends most of a start on reading, checking and linking classes. This
runs a small cluster once, notes every class it needed, and has the JVM store them in the form it keeps in memory. The
archive's name tells Java and Spark apart, so that one that does not fit is never used; a second
run finds all and does nothing. Exit status 0: all is there. Clusters also start without.
"""

from __future__ import annotations

import fcntl
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import runtime
from plugins import NotCompiled, compile_plugins
from rehearsal import NotPrepared, collect

PATIENCE = 1800.0
"""Seconds after which the JVM that writes the archive counts as stuck; in the background it may be slow."""


def main(words: Sequence[str]) -> int:
    """Make the archive in the folder given; the exit status."""
    if len(words) != 1:
        print("usage: prepare.py CACHE", file=sys.stderr)
        return 2
    cache = Path(words[0]).resolve()
    try:
        found = runtime.find()
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # One that fails does not keep the other from being made.
            return max(prepare_plugins(found, cache), prepare_archive(found, cache))
    except runtime.Missing as error:
        print(error, file=sys.stderr)
        return error.status
    except OSError as error:
        print(f"Spark was not prepared: {error}. Clusters start without it, slower.", file=sys.stderr)
        return 1


def prepare_plugins(found: runtime.Runtime, cache: Path) -> int:
    """Compile the plugins unless they are there; the exit status. Raises OSError."""
    try:
        made = compile_plugins(found, cache)
    except NotCompiled as error:
        print(
            f"Zoe's plugins for Spark were not compiled: {error} "
            "Clusters start slower, and scaling down lets tasks fail that read shuffled data; Spark repeats them.",
            file=sys.stderr,
        )
        return 1
    say(f"Zoe's plugins for Spark are there: {made.name}.")
    return 0


def prepare_archive(found: runtime.Runtime, cache: Path) -> int:
    """Make the archive and the launcher's answer unless they are there; the exit status. Raises Missing or OSError."""
    try:
        make_archive(found, cache)
    except (NotPrepared, subprocess.TimeoutExpired) as error:
        print(f"Spark's class archive was not made: {error} Clusters start without it, slower.", file=sys.stderr)
        return 1
    return 0


def make_archive(found: runtime.Runtime, cache: Path) -> None:
    """Make what is missing of the archive and the launcher's answer. Raises NotPrepared, Missing or OSError."""
    archive, launcher = found.archive(str(cache)), found.launcher_file(str(cache))
    if archive.is_file() and launcher.is_file():
        say(f"Spark's class archive is there: {archive.name}.")
        return
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=".making-", dir=cache) as name:
        work = Path(name)
        options = found.ask_launcher()
        (work / "launcher.json").write_text(json.dumps(options))
        say("Running a small Spark cluster to see which classes it uses …")
        classes = merge(collect(found, options, work))
        (work / "classes").write_text("\n".join(classes) + "\n")
        say(f"Storing {len(classes)} classes …")
        dump(found, options, work)
        (work / "archive.jsa").rename(archive)
        (work / "launcher.json").rename(launcher)
    for other in cache.glob("spark-*"):
        if other not in (archive, launcher):
            other.unlink()
    size = archive.stat().st_size // 2**20
    say(f"Spark's class archive is made: {archive.name}, {size} MiB, in {time.monotonic() - begin:.0f} s.")


def say(sentence: str) -> None:
    """One line of progress."""
    print(sentence, flush=True)


_NUMBERED = re.compile(r"(\S+) id: \d+\Z")
"""A class in the lists of Java 19 and newer; the number is another one in each list."""


def merge(lists: Iterable[Path]) -> list[str]:
    """The lines of all lists, each once, in the order in which they were first seen.

    Classes are named without numbers; those that only numbers describe (of class loaders of their own) are left out.
    """
    lines: dict[str, None] = {}
    for path in lists:
        if not path.is_file() or path.stat().st_size == 0:
            raise NotPrepared(f"a JVM of the small cluster noted no classes in {path.name}.")
        for line in path.read_text().splitlines():
            if line and not line.startswith("#") and " super: " not in line:
                lines[_NUMBERED.sub(r"\1", line)] = None
    return list(lines)


def dump(found: runtime.Runtime, options: Sequence[str], work: Path) -> None:
    """Have the JVM write ``archive.jsa``. Raises NotPrepared."""
    command = [
        found.java,
        "-Xshare:dump",
        *runtime.QUIET,
        "-XX:-UsePerfData",
        "-Xmx1g",
        f"-XX:SharedClassListFile={work / 'classes'}",
        f"-XX:SharedArchiveFile={work / 'archive.jsa'}",
        *options,
    ]
    with (work / "dump.log").open("wb") as log:
        done = subprocess.run(
            command, cwd=work, env=found.environment(), stdout=log, stderr=log, timeout=PATIENCE, check=False
        )
    if done.returncode != 0 or not (work / "archive.jsa").is_file():
        last = (work / "dump.log").read_text(errors="replace").strip().splitlines()[-10:]
        # One line: whoever shows only the last one of what a preparation said shows the reason.
        raise NotPrepared(f"the JVM ended with status {done.returncode}: {' / '.join(map(str.strip, last))}.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
