"""Machines as they are written on a command line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..model.errors import InvalidRequest
from ..model.resources import Node, Resources, parse_bytes

USUAL = Resources(cpu=32, memory=128 * 2**30)
"""A node of the paper's experiment."""

_MOST = 100_000
"""Of which a decision can take seconds."""

_FORM = re.compile(
    r"(?P<sign>[+-]?)(?P<count>[0-9]{1,9})"
    r"(x(?P<cpu>[0-9.]{1,10})x(?P<memory>[0-9.]+ ?[A-Za-z]*?)(x(?P<gpu>[0-9]{1,4}))?)?"
)
_HINT = (
    "write a number of nodes, such as 25, +10 or -5, or with their size: 25x32x128GiB, or 25x32x128GiBx4 with 4 GPUs"
)


def machines(count: int, capacity: Resources = USUAL) -> list[Node]:
    """So many nodes that are alike."""
    return [Node(name=f"n{number}", capacity=capacity) for number in range(count)]


def read_nodes(text: str, present: Sequence[Node]) -> list[Node]:
    """The nodes that are meant where `present` are there already.

    `25` of the size of the last of those; `+10` or `-5` beside those; `25x32x128GiB` of a size of their own:
    processors, memory, and with a third number GPUs. Raises InvalidRequest with these forms.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise InvalidRequest(f"{text!r} says no nodes; {_HINT}.")
    count, sign = int(found["count"]), found["sign"]
    size = present[-1].capacity if present else USUAL
    if found["cpu"]:
        try:
            size = Resources(cpu=float(found["cpu"]), memory=parse_bytes(found["memory"]), gpu=int(found["gpu"] or 0))
        except ValueError as error:
            raise InvalidRequest(f"{text!r} says no nodes: {error}; {_HINT}.") from error
    if not size.cpu or not size.memory:
        raise InvalidRequest(f"{text!r} says nodes on which nothing fits; {_HINT}.")
    if sign == "-":
        if count >= len(present):
            there = f"are {len(present)} nodes" if len(present) != 1 else "is one node"
            raise InvalidRequest(f"There {there}; {text} leaves none. Take fewer away.")
        return list(present[: len(present) - count])
    if count == 0 and not (sign and present):
        raise InvalidRequest(f"{text!r} says no nodes; {_HINT}.")
    kept = list(present) if sign else []
    if count + len(kept) > _MOST:
        raise InvalidRequest(f"{text} is more than {_MOST:,} nodes, which is the most that is simulated. Take fewer.")
    return [*kept, *(Node(name=f"more{number}" if sign else f"n{number}", capacity=size) for number in range(count))]
