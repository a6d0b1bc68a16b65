from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zoe_hub.model.resources import Node, Resources
from zoe_hub.scheduler.decide import Decision, Demand, Request, Snapshot, decide

GIB = 2**30


def node(name: str = "n1", cpu: float = 4, memory: int = 16 * GIB) -> Node:
    return Node(name=name, capacity=Resources(cpu=cpu, memory=memory))


def demand(core: int, elastic: int = 0, cpu: float = 1, memory: int = GIB, key: str = "c.worker") -> Demand:
    return Demand(key, "worker", core, elastic, Resources(cpu=cpu, memory=memory))


def request(name: str, *demands: Demand, granted: dict[str, int] | None = None, leaving: bool = False) -> Request:
    return Request(name, granted is not None, demands, granted or {}, leaving)


def decided(nodes: list[Node], *requests: Request) -> dict[str, Decision]:
    return {decision.execution: decision for decision in decide(Snapshot(nodes, requests))}


def test_core_and_elastic_are_granted_when_they_fit() -> None:
    result = decided([node()], request("a", demand(1, 2)))
    assert result["a"] == Decision("a", True, {"c.worker": 3}, "")


def test_fewer_elastic_than_asked_for_is_legal_and_explained() -> None:
    result = decided([node()], request("a", demand(1, 9)))
    assert result["a"].granted == {"c.worker": 4}
    assert result["a"].reason == "granted 4 of 10 worker (1 CPU, 1 GiB each): 0 CPU and 12 GiB are free"


def test_core_is_all_or_none() -> None:
    result = decided([node()], request("a", demand(5)))
    assert not result["a"].admitted
    assert result["a"].granted == {}
    assert "waits for 5 CPU, 5 GiB: 4 CPU and 16 GiB are free" in result["a"].reason


def test_who_waits_is_told_how_many_are_ahead() -> None:
    result = decided([node()], request("a", demand(5)), request("b", demand(1)))
    assert not result["b"].admitted
    assert result["b"].reason.endswith("; 1 ahead")


def test_nobody_grows_while_somebody_waits() -> None:
    growing = request("a", demand(1, 3), granted={"c.worker": 1})
    result = decided([node()], growing, request("b", demand(4)))
    assert result["a"].granted == {"c.worker": 1}
    assert "another execution waits" in result["a"].reason


def test_an_instance_fits_on_one_node_or_not_at_all() -> None:
    nodes = [node("n1", memory=8 * GIB), node("n2", memory=8 * GIB)]
    assert not decided(nodes, request("a", demand(1, memory=9 * GIB)))["a"].admitted
    assert decided(nodes, request("a", demand(2, memory=8 * GIB)))["a"].admitted


def test_what_leaves_holds_its_share_until_it_is_gone() -> None:
    leaving = request("a", demand(4), granted={"c.worker": 4}, leaving=True)
    result = decided([node()], leaving, request("b", demand(1)))
    assert set(result) == {"b"}
    assert not result["b"].admitted


def test_asking_for_less_gives_back() -> None:
    result = decided([node()], request("a", demand(1, 1), granted={"c.worker": 4}), request("b", demand(2)))
    assert result["a"].granted == {"c.worker": 2}
    assert result["b"].admitted


def test_what_is_still_going_holds_its_share() -> None:
    shrunk = Request("a", True, (demand(1),), {"c.worker": 1}, present={"c.worker": 4})
    assert not decided([node()], shrunk, request("b", demand(1)))["b"].admitted
    gone = Request("a", True, (demand(1),), {"c.worker": 1}, present={"c.worker": 1})
    assert decided([node()], gone, request("b", demand(1)))["b"].admitted


def test_who_asks_again_for_what_is_still_going_gets_it_back() -> None:
    again = Request("a", True, (demand(1, 2),), {"c.worker": 1}, present={"c.worker": 4})
    assert decided([node()], again)["a"] == Decision("a", True, {"c.worker": 3}, "")


def test_what_was_withdrawn_before_it_began_is_nobodys_obstacle() -> None:
    withdrawn = Request("a", False, (demand(9),), {}, leaving=True)
    result = decided([node()], withdrawn, request("b", demand(4)))
    assert list(result) == ["b"]
    assert result["b"].admitted


shapes = st.builds(
    demand,
    core=st.integers(0, 4),
    elastic=st.integers(0, 6),
    cpu=st.sampled_from([0.1, 0.5, 1, 2]),
    memory=st.integers(0, 4 * GIB),
)
snapshots = st.builds(
    lambda nodes, shapes: Snapshot(nodes, [request(str(i), shape) for i, shape in enumerate(shapes)]),
    st.lists(st.builds(node, cpu=st.integers(1, 8), memory=st.integers(0, 16 * GIB)), max_size=4),
    st.lists(shapes, max_size=8),
)


@given(snapshots)
def test_whatever_is_asked_for(snapshot: Snapshot) -> None:
    decisions = decide(snapshot)
    assert decide(snapshot) == decisions
    used = Resources()
    for asked, decision in zip(snapshot.requests, decisions, strict=True):
        assert decision.execution == asked.execution
        for wanted in asked.demands:
            count = decision.granted.get(wanted.key, 0)
            used = used + wanted.resources * count
            if decision.admitted:
                assert wanted.core <= count <= wanted.core + wanted.elastic
            else:
                assert count == 0
                assert decision.reason
            if count < wanted.core + wanted.elastic:
                assert decision.reason
    assert used.cpu <= sum(n.capacity.cpu for n in snapshot.nodes) + 1e-6
    assert used.memory <= sum(n.capacity.memory for n in snapshot.nodes)


@given(snapshots)
def test_deciding_again_takes_nothing_back(snapshot: Snapshot) -> None:
    first = decide(snapshot)
    again = decide(
        Snapshot(
            snapshot.nodes,
            [
                Request(asked.execution, decision.admitted, asked.demands, decision.granted)
                for asked, decision in zip(snapshot.requests, first, strict=True)
            ],
        )
    )
    for before, after in zip(first, again, strict=True):
        assert after.admitted >= before.admitted
        assert all(after.granted[key] >= count for key, count in before.granted.items())
