"""Identifiers and names of executions."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Container

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME_DIGITS = 11
_RANDOM_DIGITS = 14
_NAME_LENGTH = 63


class Identifiers:
    """Makes identifiers of 26 lowercase letters and digits, a letter first.

    Sorted as text they are in order of time: those of one maker strictly, those of several by
    their clocks' microseconds. 70 random bits keep them from being guessed.
    """

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def new(self) -> str:
        with self._lock:
            self._last = max(time.time_ns() // 1000, self._last + 1)
            moment = self._last
        return "x" + _base32(moment, _TIME_DIGITS) + _base32(int.from_bytes(os.urandom(9), "big"), _RANDOM_DIGITS)


def _base32(number: int, digits: int) -> str:
    return "".join(_ALPHABET[(number >> 5 * place) & 31] for place in reversed(range(digits)))


def free_name(base: str, taken: Container[str]) -> str:
    """`base` with the lowest number, from 1, that gives a name not taken: ``spark-1``."""
    number = 1
    while True:
        ending = f"-{number}"
        name = base[: _NAME_LENGTH - len(ending)].rstrip("-") + ending
        if name not in taken:
            return name
        number += 1
