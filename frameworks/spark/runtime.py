"""Finds Java, Spark and the class archive that fits both. Standard library only."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

OLDEST_JAVA = 17
NO_JAVA = 78
"""Exit status when there is no Java, or none that is new enough (EX_CONFIG of sysexits.h)."""
NO_SPARK = 78
"""Exit status when this Python has no pyspark with Spark's jars in it: the same, as another start helps neither."""

PLUGINS = {
    "org.apache.spark.scheduler.zoe.Handover": Path(__file__).resolve().parent / "Handover.scala",
    "org.apache.spark.deploy.zoe.AwaitMaster": Path(__file__).resolve().parent / "AwaitMaster.scala",
    "org.apache.spark.deploy.zoe.FollowMaster": Path(__file__).resolve().parent / "FollowMaster.scala",
}
"""Spark's plugins of Zoe, by class, and their sources."""

QUIET = ("-Xlog:disable", "-Xlog:all=error:stderr")
# Newer builds of Java 17 move an archive to a random address, which copies all of it into each process.
SHARED = ("-XX:+UnlockDiagnosticVMOptions", "-XX:ArchiveRelocationMode=0")

FAST_START = ("-XX:-UsePerfData", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""For processes that coordinate and do not compute: nothing in /tmp, one collector thread, no costly compiler."""

COMPUTE = (
    "-XX:-UsePerfData",
    "-XX:+UseSerialGC",
    "-XX:Tier4InvocationThreshold=50000",
    "-XX:Tier4MinInvocationThreshold=6000",
    "-XX:Tier4CompileThreshold=150000",
    "-XX:Tier4BackEdgeThreshold=400000",
)
"""For executors: the costly compiler takes only what is ten times hotter than by default.

Measured: an executor's processor time until a first result is 4.3 s instead of 7.7 s (2.7 s without
that compiler at all), while long jobs run as fast as by default (and twice as fast as without it).
"""


class Missing(Exception):
    """Raised when something that the administrator installs is not there; `status` is the exit status for it."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Runtime:
    """One Java with one Spark."""

    # No dataclass, here and below no module that is rarely needed: each start of a process waits for their import.
    def __init__(self, java_home: Path, spark_home: Path) -> None:
        self.java_home = java_home
        self.spark_home = spark_home

    @property
    def java(self) -> str:
        return str(self.java_home / "bin" / "java")

    def archive(self, cache: str) -> Path:
        """Where the class archive for this Java and these jars is, or would be."""
        return Path(cache) / f"spark-{self.fingerprint}.jsa"

    def launcher_file(self, cache: str) -> Path:
        """Where the answer of Spark's launcher is kept, or would be."""
        return Path(cache) / f"spark-{self.fingerprint}.json"

    def plugins(self, cache: str) -> Path:
        """Where the compiled plugins for this Java and these jars are, or would be."""
        sources = hashlib.sha256(b"".join(source.read_bytes() for source in PLUGINS.values())).hexdigest()[:8]
        return Path(cache) / f"plugins-{self.fingerprint}-{sources}.jar"

    def archive_options(self, cache: str) -> list[str]:
        """Options that use the archive, or none while there is no archive that fits."""
        archive = self.archive(cache)
        if not archive.is_file():
            return []
        # Auto and quiet: a JVM that cannot map the archive after all starts without it, and says nothing.
        return [f"-XX:SharedArchiveFile={archive}", "-Xshare:auto", *SHARED, *QUIET]

    def plugins_environment(self, cache: str) -> dict[str, str]:
        """What makes Spark's launcher put the plugins on the class path of an executor; empty while there are none."""
        plugins = self.plugins(cache)
        # The launcher puts them last. An archive serves a class path that goes on after its own, too.
        return {"SPARK_DIST_CLASSPATH": str(plugins)} if plugins.is_file() else {}

    def plugins_options(self, cache: str, options: Sequence[str]) -> list[str]:
        """The driver's options of Java's, with the plugins last on the class path; as they are while there are none."""
        plugins = self.plugins(cache)
        if not plugins.is_file():
            return list(options)
        place = options.index("-cp") + 1
        return [*options[:place], f"{options[place]}{os.pathsep}{plugins}", *options[place + 1 :]]

    def launcher_options(self, cache: str) -> list[str]:
        """Class path and module options of this Spark, from the cache or from Spark's own launcher.

        Workers ask the same launcher how to start an executor; an archive serves that one class path only.
        """
        try:
            kept = json.loads(self.launcher_file(cache).read_text())
        except (OSError, ValueError):
            return self.ask_launcher()
        return [str(option) for option in kept]

    def ask_launcher(self) -> list[str]:
        """What Spark's launcher puts before the main class, without its choice of heap. Raises Missing."""
        import subprocess

        main = "org.apache.spark.deploy.worker.Worker"
        answer = subprocess.run(
            [
                self.java,
                *FAST_START,
                "-Xmx64m",
                "-cp",
                f"{self.spark_home}/jars/*",
                "org.apache.spark.launcher.Main",
                main,
            ],
            env=self.environment(),
            stdout=subprocess.PIPE,
            timeout=60,
        )
        words = [word.strip() for word in answer.stdout.decode().split("\0")]
        if answer.returncode != 0 or main not in words:
            raise Missing(f"Spark's launcher in {self.spark_home} did not say how to start a worker.", NO_SPARK)
        options = words[words.index(self.java) + 1 : words.index(main)]
        return [option for option in options if not option.startswith("-Xmx")]

    def environment(self) -> dict[str, str]:
        """The environment of this process, with what Spark's own processes look up in theirs."""
        scala = next((self.spark_home / "jars").glob("spark-core_*.jar")).name.split("_")[1].split("-")[0]
        # The folder spark_home/conf is not there in the package: a folder with files would make archives unusable.
        return {
            **os.environ,
            "JAVA_HOME": str(self.java_home),
            "SPARK_HOME": str(self.spark_home),
            "SPARK_SCALA_VERSION": scala,
        }

    @cached_property
    def fingerprint(self) -> str:
        """Changes with the Java, with Spark's jars and with where they are."""
        digest = hashlib.sha256()
        files = [self.java_home / "lib" / "server" / "libjvm.so", *sorted((self.spark_home / "jars").glob("*.jar"))]
        for file in files:
            stat = file.stat()
            digest.update(f"{file}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
        return digest.hexdigest()[:24]


def joined(options: Iterable[str]) -> str:
    """Java's options as Spark takes them apart again: a folder's name may hold spaces."""
    return " ".join(f'"{option}"' if " " in option else option for option in options)


def find() -> Runtime:
    """The Java and the Spark to use. Raises Missing."""
    return Runtime(find_java(), find_spark())


def find_spark() -> Path:
    """The folder of the pyspark that this Python would import. Raises Missing."""
    spec = importlib.util.find_spec("pyspark")
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (Path(place) / "jars").is_dir():
            return Path(place).resolve()
    raise Missing(f"Spark is not installed here. Type: {sys.executable} -m pip install 'zoe-jupyter[spark]'", NO_SPARK)


def find_java() -> Path:
    """The home of the first Java that is new enough: JAVA_HOME, then PATH, then the system's. Raises Missing."""
    found: list[str] = []
    for home in _java_homes():
        version = _java_version(home)
        if version >= OLDEST_JAVA:
            return home
        found.append(f"Java {version} in {home}")
    had = f"found only {', '.join(found)}" if found else "found none in JAVA_HOME, PATH or /usr/lib/jvm"
    raise Missing(
        f"Spark needs Java {OLDEST_JAVA} or newer, and this machine has none ({had}): "
        "install one, for example the package openjdk-17-jre-headless, or set JAVA_HOME.",
        NO_JAVA,
    )


def _java_homes() -> Iterator[Path]:
    candidates: list[Path] = []
    if os.environ.get("JAVA_HOME"):
        candidates.append(Path(os.environ["JAVA_HOME"]))
    on_path = (Path(folder, "java") for folder in os.get_exec_path())
    candidates.extend(java.resolve().parent.parent for java in on_path if os.access(java, os.X_OK))
    candidates.extend(sorted(Path("/usr/lib/jvm").glob("*")))
    seen: set[Path] = set()
    for candidate in candidates:
        home = candidate.resolve()
        if home not in seen and (home / "lib" / "server" / "libjvm.so").is_file() and (home / "bin" / "java").is_file():
            seen.add(home)
            yield home


def _java_version(home: Path) -> int:
    """The major version; 0 when it cannot be found out."""
    try:
        text = (home / "release").read_text()
    except OSError:
        text = ""
    match = re.search(r'JAVA_VERSION="(\d+)(?:\.(\d+))?', text)
    if match is None:
        import subprocess

        try:
            answer = subprocess.run(
                [str(home / "bin" / "java"), "-version"], capture_output=True, text=True, timeout=30
            )
        except (OSError, subprocess.TimeoutExpired):
            return 0
        match = re.search(r'version "(\d+)(?:\.(\d+))?', answer.stderr)
    if match is None:
        return 0
    # Until Java 8 the version was written 1.8.
    return int(match[2] or 0) if match[1] == "1" else int(match[1])
