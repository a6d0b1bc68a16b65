"""Runs one program once, whatever happens to the service that wanted it.

Started as ``python -I -S -E shim.py FOLDER`` with a pipe as standard output, in which nothing is
written: it closes when the program runs, or when it is certain that this shim will not run it.
Imports as little as it can, because one is alive for every instance. In FOLDER it leaves

``claim``     locked as long as a shim, or its child before it became the program, is alive
``identity``  boot, process and start time of the program, there before the program begins
``exit``      how it ended: its status (minus the signal's number), or ``lost``
``error``     number of the error for which the program could not be executed

and it runs nothing when another shim holds the claim, or when ``identity`` or ``exit`` is there. FOLDER
is reached through the link of the term in which the run was ordered: when another service leads, neither
``claim`` nor ``identity`` can be written any more, and nothing runs. How a program ended is written
whoever leads by then: through a descriptor of the folder.
"""

import fcntl
import os
import sys


def write(path: str, text: str, folder: "int | None" = None) -> None:
    """The whole file or nothing. With a descriptor of a `folder`, there."""
    temporary, flags = f"{path}.{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    with open(os.open(temporary, flags, 0o600, dir_fd=folder), "w") as file:
        file.write(text)
    os.rename(temporary, path, src_dir_fd=folder, dst_dir_fd=folder)


def exists(name: str, folder: int) -> bool:
    """Whether the folder has such a file."""
    return name in os.listdir(folder)


def start_time() -> str:
    """When this process started, in clock ticks since the machine's boot."""
    with open("/proc/self/stat") as file:
        return file.read().rpartition(")")[2].split()[19]


def become(folder: str, launch: list[str]) -> None:
    """Turn this process into the program. Returns only by an OSError."""
    import signal

    cwd, log, count, *rest = launch
    command, pairs = rest[: int(count)], rest[int(count) :]
    os.setsid()
    with open("/proc/sys/kernel/random/boot_id") as file:
        boot = file.read().strip()
    write(f"{folder}/identity", f"{boot} {os.getpid()} {start_time()}\n")
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for number in signal.valid_signals():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.chdir(cwd)
    os.execvpe(command[0], command, dict(pair.split("=", 1) for pair in pairs))


def main(folder: str) -> None:
    """Claim the folder, run what it describes, record how it ended."""
    claim = os.open(f"{folder}/claim", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return
    if os.path.exists(f"{folder}/exit") or os.path.exists(f"{folder}/identity"):
        return
    here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with open(f"{folder}/launch", errors="surrogateescape") as file:
        launch = file.read().split("\0")
    os.unlink(f"{folder}/launch")
    running = os.dup(1)
    os.dup2(0, 1)
    child = os.fork()
    if child == 0:
        try:
            become(folder, launch)
        except OSError as error:
            write(f"{folder}/error", str(error.errno))
            os.write(2, f"zoe: {launch[3]}: {error.strerror}\n".encode(errors="replace"))
        finally:
            os._exit(127)
    os.close(running)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    begun = exists("identity", here) or exists("error", here)
    write("exit", str(status) if begun else "lost", here)


if __name__ == "__main__":
    os.umask(0o077)
    os.setsid()
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            try:
                os.close(int(name))
            except OSError:
                continue
    main(sys.argv[1])
    os._exit(0)
