"""How often the interpreter looks for objects that only refer to each other."""

from __future__ import annotations

import gc

_ALLOCATIONS = 20_000
"""Containers made, beyond those given back, before the youngest are looked at. Python's own number is 700."""


def collect_seldom() -> None:
    """Leave what is there for good, as code and classes are, out of every look, and look less often at the rest.

    A service makes hundreds of documents, rows and statements for each execution, of which hardly any refer to each
    other: as often as Python looks by itself, that was a quarter of all its work. A second call leaves out what has
    come since the first.
    """
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, 10, 10)
