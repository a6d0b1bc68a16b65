"""What owners are told."""

from __future__ import annotations

from zoe_hub.model.resources import Node, Resources
from zoe_hub.scheduler import reasons
from zoe_hub.scheduler.orders import FIFO
from zoe_hub.scheduler.policies.rigid import Rigid
from zoe_hub.scheduler.requests import Demand, Request
from zoe_hub.scheduler.scheduler import Scheduler
from zoe_hub.scheduler.shapes import Shape

GIB = 2**30


def request(id: str, core: int, elastic: int = 0, cpu: int = 1000, memory: int = GIB, gpu: int = 0) -> Request:
    return Request(id, "alice", float(len(id)), (Demand("w", "Worker", core, elastic, Shape(cpu, memory, gpu)),))


def scheduler(*nodes: tuple[float, int]) -> Scheduler:
    made = Scheduler(Rigid(), FIFO())
    made.set_nodes(
        [
            Node(name=f"node{number}", capacity=Resources(cpu=cpu, memory=memory * GIB))
            for number, (cpu, memory) in enumerate(nodes)
        ],
        0.0,
    )
    return made


def waiting(made: Scheduler, request: Request, ahead: int = 0) -> str:
    made.submit(request)
    return reasons.why_waiting(made.cluster, made.cluster.applications[request.id], ahead)


def test_what_is_scarce_is_named_and_nothing_else() -> None:
    made = scheduler((4, 8), (4, 8))
    assert waiting(made, request("a", 1, memory=12 * GIB)) == "waits for 12 GiB of memory on one node"
    assert waiting(made, request("b", 1, cpu=6000)) == "waits for 6 CPU on one node"
    assert waiting(made, request("c", 1, gpu=1)) == "waits for 1 GPU on one node"
    assert waiting(made, request("d", 1, cpu=6000, memory=9 * GIB)) == "waits for 6 CPU and 9 GiB of memory on one node"


def test_dimensions_that_are_free_on_different_nodes_do_not_add_up() -> None:
    made = scheduler((4, 1), (1, 8))
    assert waiting(made, request("a", 1, cpu=2000, memory=4 * GIB)) == "waits for 2 CPU and 4 GiB of memory on one node"


def test_how_many_instances_of_the_core_find_no_room_is_told() -> None:
    assert waiting(scheduler((4, 8)), request("a", 7)) == "waits for 1 CPU on one node, for each of 3 workers"


def test_who_would_fit_is_told_who_is_before() -> None:
    assert waiting(scheduler((4, 8)), request("a", 1), ahead=3) == "waits for its turn; 3 ahead of you"


def test_what_others_gave_back_is_told_until_it_is_free() -> None:
    made = scheduler((4, 8))
    made.submit(request("a", 1), admitted_at=0.0, granted={"w": 1}, going={"w": 2})
    assert waiting(made, request("bb", 3)) == "waits until what others give back is free; others gave back 2 workers"
    assert waiting(made, request("ccc", 5), ahead=1) == (
        "waits for 1 CPU on one node, for each of 2 workers; 1 ahead of you; others gave back 2 workers"
    )
    made.gone("a", "w", 2)
    assert waiting(made, request("dddd", 3)) == "waits for its turn"


def test_asking_why_takes_nothing() -> None:
    made = scheduler((4, 8))
    waiting(made, request("a", 7))
    assert made.cluster.room.free == made.cluster.room.capacities


def test_who_holds_less_is_told_how_much_less_and_why() -> None:
    wish = request("a", 2, 4)
    assert reasons.why_short(wish, {"w": 6}, {}, reasons.START) == ""
    assert (
        reasons.why_short(wish, {"w": 4}, {}, reasons.START) == "4 of 6 workers: no room for 2 more (1 CPU, 1 GiB each)"
    )
    told = reasons.why_short(wish, {"w": 4}, {"w": 2}, reasons.START)
    assert told == "4 of 6 workers: 2 given back so that another application could start"
    told = reasons.why_short(wish, {"w": 5}, {"w": 1}, reasons.SHARE)
    assert told == "5 of 6 workers: 1 given back so that others get their share"


def test_titles_are_words_or_names() -> None:
    assert reasons.several(1, "Worker") == "1 worker"
    assert reasons.several(2, "Spark Connect server") == "2 Spark Connect servers"
    assert reasons.several(2, "GPU") == "2 GPUs"


def test_what_grew_says_that_and_what_shrank_says_why() -> None:
    wish = request("a", 2, 4)
    grown = reasons.what_changed(wish, {"w": 4}, {"w": 6}, "")
    assert grown == "6 of 6 workers: 2 more, as there is room again"
    assert reasons.what_changed(wish, {"w": 6}, {"w": 4}, "because") == "because"
