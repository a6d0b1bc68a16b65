"""What was answered before for equal demands is what looking at the nodes anew says."""

from __future__ import annotations

from dataclasses import replace
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from zoe_hub.model.resources import Node, Resources
from zoe_hub.scheduler.policies import possible
from zoe_hub.scheduler.policies.possible import Possible
from zoe_hub.scheduler.requests import Request
from zoe_hub.scheduler.room import Room
from zoe_hub.scheduler.shapes import Shape

from .histories import GIB, capacities, requests


@given(
    st.lists(st.tuples(st.none() | capacities(), requests(elastic=2), st.booleans()), min_size=1, max_size=12),
    st.booleans(),
    st.sampled_from((1, 4096)),
)
def test_what_is_remembered_is_what_the_nodes_say(
    steps: list[tuple[tuple[tuple[int, int, int], ...] | None, Request, bool]], whole: bool, remembered: int
) -> None:
    asked, room = Possible(whole=whole), Room([Shape(1000, GIB)])
    before: list[Request] = []
    with mock.patch.object(possible, "_REMEMBERED", remembered):
        for nodes, request, larger in steps:
            if nodes is not None:
                made = [Node(name="n", capacity=Resources(cpu=c, memory=m * GIB, gpu=g)) for c, m, g in nodes]
                room = Room([Shape.of(node.capacity) for node in made])
            # A core that is asked for later: whether all of it fits.
            before.append(replace(request, demands=request.demands[:1], of=request) if larger else request)
            for each in before:
                assert asked.ever(room, each) == Possible(whole=whole).ever(room, each)
