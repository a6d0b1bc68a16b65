"""The scheduler with the simplest policy: what is told, what is held, what is given back."""

from __future__ import annotations

from zoe_hub.model.resources import Node, Resources
from zoe_hub.scheduler.orders import FIFO
from zoe_hub.scheduler.policies.rigid import Rigid
from zoe_hub.scheduler.requests import Decision, Demand, Request
from zoe_hub.scheduler.scheduler import Scheduler
from zoe_hub.scheduler.shapes import Shape


def request(id: str, core: int, elastic: int, *, submitted: float = 0.0, size: float | None = 10.0) -> Request:
    return Request(id, "alice", submitted, (Demand("w", "worker", core, elastic, Shape(1000)),), size=size)


def scheduler(cpus: int) -> Scheduler:
    made = Scheduler(Rigid(), FIFO(), at_once=True)
    made.set_nodes([Node(name="one", capacity=Resources(cpu=cpus))], 0.0)
    return made


def test_the_next_one_starts_when_the_first_has_ended() -> None:
    made = scheduler(10)
    made.submit(request("a", 3, 4))
    made.submit(request("b", 3, 3, submitted=1.0))
    assert made.decide(1.0) == [Decision("a", admitted=True, granted={"w": 7})]
    assert made.decide(2.0) == []
    made.end("a")
    assert made.decide(10.0) == [Decision("b", admitted=True, granted={"w": 6})]


def test_what_is_leaving_holds_its_place_until_it_is_gone() -> None:
    made = scheduler(10)
    made.submit(request("a", 3, 4))
    made.decide(0.0)
    made.submit(request("b", 10, 0, submitted=1.0))
    made.leave("a", 1.0)
    assert made.decide(1.0) == []
    made.end("a")
    assert [decision.id for decision in made.decide(2.0)] == ["b"]


def test_what_was_served_before_is_counted() -> None:
    made = scheduler(10)
    made.submit(request("a", 3, 4), admitted_at=0.0, granted={"w": 7})
    made.submit(request("b", 6, 0, submitted=1.0))
    assert made.decide(1.0) == []
    made.end("a")
    assert [decision.id for decision in made.decide(2.0)] == ["b"]


def test_what_was_taken_back_before_holds_its_place_until_it_is_gone() -> None:
    made = Scheduler(Rigid(), FIFO())
    made.set_nodes([Node(name="one", capacity=Resources(cpu=10))], 0.0)
    made.submit(request("a", 3, 2), admitted_at=0.0, granted={"w": 5}, going={"w": 2})
    made.submit(request("b", 5, 0, submitted=1.0))
    assert made.decide(1.0) == []
    made.gone("a", "w", 1)
    assert made.decide(2.0) == []
    made.gone("a", "w", 1)
    assert [decision.id for decision in made.decide(3.0)] == ["b"]
