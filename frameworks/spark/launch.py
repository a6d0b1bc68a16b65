"""Starts one process of a Spark cluster: ``launch.py ROLE [options]``, standard library only.

It is run in the instance's own folder, which holds ``spark.properties``. Master and Spark Connect
server replace this process; a worker keeps it as a small parent (see ``supervise``).
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import runtime
import supervise

PROPERTIES = "spark.properties"
NOTE = "note"
"""The file in which an executor that leaves says what it waits for."""
MASTER = "org.apache.spark.deploy.master.Master"
WORKER = "org.apache.spark.deploy.worker.Worker"
SUBMIT = "org.apache.spark.deploy.SparkSubmit"
CONNECT = "org.apache.spark.sql.connect.service.SparkConnectServer"


def main(words: Sequence[str]) -> int:
    """Start what the words say; returns only when that failed, or when a worker has ended."""
    arguments = _parser().parse_args(words)
    folder = Path.cwd()
    (folder / "tmp").mkdir(mode=0o700, exist_ok=True)
    (folder / NOTE).unlink(missing_ok=True)
    try:
        found = runtime.find()
        own = {"TMPDIR": str(folder / "tmp"), "ZOE_NOTE": str(folder / NOTE)}
        environment = {**found.environment(), **found.plugins_environment(arguments.cache), **own}
        command = [found.java, *COMMANDS[arguments.role](found, arguments, folder)]
    except runtime.Missing as error:
        print(error, file=sys.stderr, flush=True)
        return error.status
    if arguments.role == "worker":
        return supervise.supervise(command, environment)
    os.execve(command[0], command, environment)
    return 1


def master(found: runtime.Runtime, arguments: argparse.Namespace, folder: Path) -> list[str]:
    """Java's arguments for a standalone master."""
    address = ["--host", arguments.host, "--port", str(arguments.port), "--webui-port", str(arguments.ui_port)]
    return [*_options(found, arguments, folder, "192m"), MASTER, *address, "--properties-file", PROPERTIES]


def worker(found: runtime.Runtime, arguments: argparse.Namespace, folder: Path) -> list[str]:
    """Java's arguments for a worker."""
    host = own_address(arguments.host, arguments.ordinal)
    offer = ["--cores", str(arguments.cores), "--memory", f"{arguments.memory}m", "--work-dir", str(folder / "work")]
    address = ["--host", host, "--webui-port", str(arguments.ui_port)]
    options = _options(found, arguments, folder, "192m")
    return [*options, WORKER, *address, *offer, "--properties-file", PROPERTIES, arguments.master]


def connect(found: runtime.Runtime, arguments: argparse.Namespace, folder: Path) -> list[str]:
    """Java's arguments for the Spark Connect server, which is the cluster's only application.

    Its master may still be starting. Without the plugin that waits for it in the server, this does.
    """
    # The folder of an executor differs from worker to worker; each starts in its own.
    executor = [*found.archive_options(arguments.cache), *runtime.COMPUTE, "-Djava.io.tmpdir=."]
    plugins = found.plugins(arguments.cache).is_file()
    if arguments.master and not plugins:
        await_master(arguments.master)
    options = _options(found, arguments, folder, f"{arguments.memory}m")
    return [
        *found.plugins_options(arguments.cache, options),
        SUBMIT,
        *(["--master", arguments.master] if arguments.master else []),
        "--properties-file", PROPERTIES,
        "--conf", f"spark.executor.extraJavaOptions={runtime.joined(executor)}",
        *(["--conf", f"spark.plugins={','.join(runtime.PLUGINS)}"] if plugins else []),
        "--class", CONNECT,
        "spark-internal",
    ]  # fmt: skip


COMMANDS = {"master": master, "worker": worker, "connect": connect}


def own_address(host: str, ordinal: int) -> str:
    """A loopback address of the worker's own, where the host is the loopback address.

    Spark forgets all shuffle files of a *host* when one of its workers goes, also of those workers
    that stay and of blocks that were handed over. Linux answers to all of 127.0.0.0/8.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version != 4 or not address.is_loopback or not sys.platform.startswith("linux"):
        return host
    return f"127.1.{ordinal // 250 % 250}.{ordinal % 250 + 1}"


def await_master(url: str) -> None:
    """Return when somebody listens at ``spark://HOST:PORT``, or after two minutes."""
    host, _, port = url.removeprefix("spark://").rpartition(":")
    give_up = time.monotonic() + 120
    while time.monotonic() < give_up:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
            return
        except OSError:
            time.sleep(0.05)


def _options(found: runtime.Runtime, arguments: argparse.Namespace, folder: Path, heap: str) -> list[str]:
    return [
        *found.archive_options(arguments.cache),
        *runtime.FAST_START,
        f"-Xmx{heap}",
        f"-Djava.io.tmpdir={folder / 'tmp'}",
        *found.launcher_options(arguments.cache),
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="launch.py", description="Starts one process of a Spark cluster.")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--cache", required=True, help="folder that the framework's preparation filled; may be missing")
    roles = parser.add_subparsers(dest="role", required=True)
    role = roles.add_parser("master", parents=[common])
    role.add_argument("--host", required=True)
    role.add_argument("--port", type=int, required=True)
    role.add_argument("--ui-port", type=int, required=True)
    role = roles.add_parser("worker", parents=[common])
    role.add_argument("--host", required=True)
    role.add_argument("--ui-port", type=int, required=True)
    role.add_argument("--ordinal", type=int, required=True)
    role.add_argument("--cores", type=int, required=True)
    role.add_argument("--memory", type=int, required=True, help="MiB for executors")
    role.add_argument("--master", required=True, help="spark://HOST:PORT")
    role = roles.add_parser("connect", parents=[common])
    role.add_argument("--memory", type=int, required=True, help="MiB of heap")
    role.add_argument("--master", help="spark://HOST:PORT; in the properties where not said")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
