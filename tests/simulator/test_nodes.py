from __future__ import annotations

import pytest

from zoe_hub.model.errors import InvalidRequest
from zoe_hub.model.resources import Resources
from zoe_hub.simulator.nodes import machines, read_nodes

SMALL = Resources(cpu=4, memory=2**30)


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("2", [SMALL] * 2),
        ("+2", [SMALL] * 5),
        ("-1", [SMALL] * 2),
        ("+0", [SMALL] * 3),
        ("2x8x16GiB", [Resources(cpu=8, memory=2**34)] * 2),
        ("+1x8x16 GiBx4", [SMALL] * 3 + [Resources(cpu=8, memory=2**34, gpu=4)]),
    ],
)
def test_what_is_written_is_what_is_meant(text: str, sizes: list[Resources]) -> None:
    nodes = read_nodes(text, machines(3, SMALL))
    assert [node.capacity for node in nodes] == sizes
    assert len({node.name for node in nodes}) == len(nodes)


@pytest.mark.parametrize(
    "text",
    ["", "ten", "0", "-3", "3x", "3x8x16 apples", "3x1.2.3x16GiB", "+", "1x2x3x4x5", "1x0x1GiB", "1x1x0GiB", "100001"],
)
def test_what_is_no_machines_gets_a_sentence(text: str) -> None:
    with pytest.raises(InvalidRequest, match=r"nodes"):
        read_nodes(text, machines(3, SMALL))


def test_what_takes_all_away_is_told_how_many_there_are() -> None:
    with pytest.raises(InvalidRequest, match="There is one node; -1 leaves none"):
        read_nodes("-1", machines(1, SMALL))
