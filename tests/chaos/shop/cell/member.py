"""One process of the load. It writes its starts and ends into a ledger, and holds a lock while it lives.

``python -I -S -E member.py PORT FAILS LASTS CHILD``: listens at PORT (0: nowhere); its first FAILS starts end with
status 3; it ends with status 0 after LASTS seconds (0: never); CHILD 1: it has a child in a session of its own.
"""

import fcntl
import os
import signal
import sys
import time

MARK = os.environ["ZOE_INSTANCE"]
HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def write(word, suffix=""):
    """One line, whole: the file is opened to append, and a line is one write."""
    line = f"{word} {MARK}{suffix} {os.getpid()} {time.monotonic_ns()}\n"
    ledger = os.open(f"{HERE}/ledger", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.write(ledger, line.encode())
    os.close(ledger)


def claim(suffix=""):
    """The lock of this place. The kernel lets go of it when its holder is dead, however it died."""
    place = "-".join(MARK.split("/")[:3])
    descriptor = os.open(f"{HERE}/locks/{place}{suffix}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        write("double", suffix)
    return descriptor


def leave(word, status):
    write(word)
    os._exit(status)


def drain(*_):
    write("drain")
    time.sleep(0.05)
    leave("end", 0)


def have_child():
    if os.fork():
        return
    os.close(lock)
    os.setsid()
    claim(":child")
    write("start", ":child")
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)
    while True:
        time.sleep(3600)


def starts():
    """How often this place was started, this time included."""
    descriptor = os.open("starts", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, b".")
    count = os.fstat(descriptor).st_size
    os.close(descriptor)
    return count


port, fails, lasts, child = sys.argv[1:]
signal.signal(signal.SIGTERM, lambda *_: leave("end", 143))
signal.signal(signal.SIGUSR1, drain)
lock = claim()
write("start")
if starts() <= int(fails):
    time.sleep(0.02)
    leave("end", 3)
if child == "1":
    have_child()
if port != "0":
    import socket

    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(port)))
    listener.listen()
    while True:
        listener.accept()[0].close()
elif float(lasts):
    time.sleep(float(lasts))
    leave("end", 0)
else:
    while True:
        time.sleep(3600)
