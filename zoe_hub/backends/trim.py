"""Keeps a log from filling the disk, while its program goes on writing into it.

The oldest part is given back to the file system and becomes a hole: no line moves, nothing that is written
meanwhile is lost, and who follows the log goes on where it was. The file's length still counts what was
dropped; what it takes on the disk does not.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_KEEP_SIZE, _PUNCH_HOLE = 1, 2
_BLOCK = 4096

_libc = ctypes.CDLL(None, use_errno=True)


def trim(path: Path, limit: int) -> bool:
    """Drop the oldest part of a log that takes more than `limit` bytes, so that half of that is left.

    True when something was dropped. A log that is not there is left alone. Raises OSError where the file system
    knows no holes.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        facts = os.fstat(descriptor)
        end = (facts.st_size - limit // 2) // _BLOCK * _BLOCK
        if facts.st_blocks * 512 <= limit or end <= 0:
            return False
        _punch(descriptor, end)
        return True
    finally:
        os.close(descriptor)


def beginning(descriptor: int, position: int = 0) -> int:
    """Where the first byte at or after `position` is that was not dropped."""
    try:
        return os.lseek(descriptor, position, os.SEEK_DATA)
    except OSError:
        # There is nothing there yet, or the file system does not tell.
        return position


def _punch(descriptor: int, end: int) -> None:
    mode = ctypes.c_int(_KEEP_SIZE | _PUNCH_HOLE)
    if _libc.fallocate(ctypes.c_int(descriptor), mode, ctypes.c_int64(0), ctypes.c_int64(end)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
