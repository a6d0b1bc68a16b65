"""Makes the class archive that lets Spark's processes start in half the time: ``prepare.py CACHE``.

A JVM spends most of a start on reading, checking and linking classes. This runs a small cluster
once, notes every class it needed, and has the JVM store them in the form it keeps in memory. The
archive's name tells Java and Spark apart, so that one that does not fit is never used; a second
run finds it and does nothing. Exit status 0: the archive is there. Clusters also start without it.
"""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import runtime
from rehearsal import NotPrepared, collect

PATIENCE = 300.0
"""Seconds after which the JVM that writes the archive counts as stuck."""


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
            return prepare(found, cache)
    except runtime.Missing as error:
        print(error, file=sys.stderr)
        return error.status
    except (NotPrepared, OSError) as error:
        print(f"Spark's class archive was not made: {error} Clusters start without it, slower.", file=sys.stderr)
        return 1


def prepare(found: runtime.Runtime, cache: Path) -> int:
    """Make what is missing of the archive and the launcher's answer. Raises NotPrepared, Missing or OSError."""
    archive, launcher = found.archive(str(cache)), found.launcher_file(str(cache))
    if archive.is_file() and launcher.is_file():
        say(f"Spark's class archive is there: {archive.name}.")
        return 0
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
    return 0


def say(sentence: str) -> None:
    """One line of progress."""
    print(sentence, flush=True)


def merge(lists: Iterable[Path]) -> list[str]:
    """The lines of all lists, each once, in the order in which they were first seen."""
    lines: dict[str, None] = {}
    for path in lists:
        if not path.is_file() or path.stat().st_size == 0:
            raise NotPrepared(f"a JVM of the small cluster noted no classes in {path.name}.")
        lines.update(dict.fromkeys(line for line in path.read_text().splitlines() if line and not line.startswith("#")))
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
        raise NotPrepared(f"the JVM ended with status {done.returncode}:\n" + "\n".join(last) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
