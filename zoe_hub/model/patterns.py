"""How large a regular expression becomes: before it is compiled, which takes time and memory by its size."""

from __future__ import annotations

import re

MAX_SIZE = 1000
"""Characters and classes, with counted repetitions written out."""
_CLASS_WEIGHT = 16
"""Of a class such as ``\\w``, which has hundreds of ranges in Unicode."""
_HEAVY = frozenset("wWdDsSpPbB")
_COUNT = re.compile(r"\{\s*([0-9]{1,9})?\s*(,)?\s*([0-9]{1,9})?\s*\}")


def check_size(pattern: str) -> None:
    """Raise ValueError for a pattern that would become too large. Whether it is well-formed is not looked at."""
    if (size := _size(pattern)) > MAX_SIZE:
        raise ValueError(
            f"the pattern is too large: with its repetitions written out it has about {size} parts, and {MAX_SIZE} "
            "are possible; write + or * instead of large counts"
        )


def _size(pattern: str) -> int:
    """An upper estimate, in one pass: groups are a stack of sizes."""
    groups = [0]
    last = 0
    position = 0
    while position < len(pattern):
        char = pattern[position]
        count = _COUNT.match(pattern, position) if char == "{" else None
        if count is not None and (count[1] or count[3]):
            times = int(count[3] or count[1])
            groups[-1] += last * max(times - 1, 0)
            last *= max(times, 1)
            position = count.end()
            continue
        if char == "\\":
            last = _CLASS_WEIGHT if pattern[position + 1 : position + 2] in _HEAVY else 1
            position += 2
        elif char == "(":
            groups.append(0)
            position += 1
            continue
        elif char == ")" and len(groups) > 1:
            last = groups.pop() + 1
            position += 1
        else:
            last = 1
            position += 1
        groups[-1] += last
    return sum(groups)
