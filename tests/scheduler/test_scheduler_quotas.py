"""The scheduler keeps to quotas, whichever policy decides."""

from __future__ import annotations

from typing import Any

import pytest

from zoe_hub.model.quotas import Quotas
from zoe_hub.model.resources import Node, Resources
from zoe_hub.scheduler.allowances import Rules, Subject
from zoe_hub.scheduler.cluster import Cluster
from zoe_hub.scheduler.orders import FIFO
from zoe_hub.scheduler.policies.base import Policy
from zoe_hub.scheduler.policies.elastic import Elastic
from zoe_hub.scheduler.policies.flexible import Flexible
from zoe_hub.scheduler.policies.malleable import Malleable
from zoe_hub.scheduler.policies.rigid import Rigid
from zoe_hub.scheduler.quotas import Spent
from zoe_hub.scheduler.reasons import why_waiting
from zoe_hub.scheduler.requests import Demand, Request
from zoe_hub.scheduler.scheduler import Scheduler
from zoe_hub.scheduler.shapes import Shape


class Greedy:
    """Admits in order until one does not fit, then fills up."""

    name = "greedy"

    def schedule(self, cluster: Cluster, now: float) -> None:
        for application in cluster.waiting(now):
            if not cluster.admit(application, now) and application.id not in cluster.hindered:
                break
        for application in cluster.serving(now):
            for demand in application.request.demands:
                while application.missing(demand) and cluster.grant(application, demand, now):
                    pass


def request(id: str, user: str, core: int, elastic: int, at: float = 0.0, *groups: str) -> Request:
    return Request(id, user, at, (Demand("w", "worker", core, elastic, Shape(1000)),), groups=groups, name=id)


def scheduler(policy: Any, cpus: int, quotas: dict[str, Any], spent: dict[Subject, Spent] | None = None) -> Scheduler:
    made = Scheduler(policy, FIFO(), at_once=True)
    made.set_nodes([Node(name="one", capacity=Resources(cpu=cpus))], 0.0)
    made.set_quotas(rules(quotas), spent or {}, 0.0)
    return made


def rules(quotas: dict[str, Any]) -> Rules:
    return Rules(Quotas(apiVersion="zoe/v1", kind="Quotas", **quotas))


def granted(made: Scheduler) -> dict[str, int]:
    return {id: sum(a.granted.values()) for id, a in made.cluster.applications.items() if a.served}


def test_who_waits_for_a_quota_is_nobodys_obstacle() -> None:
    made = scheduler(Greedy(), 100, {"everybody": {"cpu": 6}})
    for place, (id, user) in enumerate([("a1", "alice"), ("a2", "alice"), ("a3", "alice"), ("b1", "bob")]):
        made.submit(request(id, user, 4, 0, place))
    made.decide(5.0)
    assert granted(made) == {"a1": 4, "b1": 4}
    assert made.decide(5.0) == []
    waiting = made.cluster.refusal(made.cluster.applications["a2"])
    assert "Your quota of 6 CPU is used by a1 (4 CPU); a2 asks for 4 CPU." in str(waiting)
    made.end("a1")
    made.decide(6.0)
    assert granted(made) == {"a2": 4, "b1": 4}


@pytest.mark.parametrize(("policy", "alices"), [(Rigid(), 0), (Malleable(), 6), (Flexible(), 6)])
def test_nor_under_a_policy_that_lets_nobody_overtake(policy: Policy, alices: int) -> None:
    made = scheduler(policy, 100, {"users": {"alice": {"cpu": 6}}})
    made.submit(request("a1", "alice", 4, 4, 0.0))
    made.submit(request("a2", "alice", 4, 4, 1.0))
    made.submit(request("b1", "bob", 4, 4, 2.0))
    made.decide(2.0)
    assert granted(made) == ({"a1": alices} if alices else {}) | {"b1": 8}
    assert made.decide(2.0) == []


def test_elastic_instances_are_granted_as_far_as_the_quota_goes() -> None:
    made = scheduler(Greedy(), 100, {"everybody": {"cpu": 16}, "groups": {"g": {"together": {"instances": 20}}}})
    made.submit(request("a", "alice", 2, 50, 0.0, "g"))
    made.submit(request("b", "bob", 2, 50, 1.0, "g"))
    made.decide(1.0)
    assert granted(made) == {"a": 16, "b": 4}
    assert "quota of 16 CPU" in str(made.cluster.refusal(made.cluster.applications["a"]))
    assert "of the group g is used by b (4 instances) and other members (16 instances)" in str(
        made.cluster.refusal(made.cluster.applications["b"])
    )


def test_a_lower_limit_takes_elastic_instances_back_and_no_core() -> None:
    made = scheduler(Greedy(), 100, {})
    made.submit(request("a", "alice", 3, 5, 0.0))
    made.submit(request("b", "alice", 3, 5, 1.0))
    made.decide(1.0)
    made.set_quotas(rules({"everybody": {"cpu": 10}}), {}, 2.0)
    made.decide(2.0)
    assert granted(made) == {"a": 7, "b": 3}
    made.set_quotas(rules({"everybody": {"cpu": 1}}), {}, 3.0)
    made.decide(3.0)
    assert granted(made) == {"a": 3, "b": 3}


def test_when_hours_run_out_cores_go_on_and_nothing_else() -> None:
    quotas = {"everybody": {"cpu_hours": 1}}
    made = scheduler(Greedy(), 100, quotas)
    made.submit(request("a", "alice", 2, 5, 0.0))
    made.decide(0.0)
    made.set_quotas(rules(quotas), {Subject("user", "alice"): Spent(3_600_000)}, 1.0)
    made.submit(request("b", "alice", 1, 0, 1.0))
    made.submit(request("c", "bob", 1, 1, 2.0))
    made.decide(2.0)
    assert granted(made) == {"a": 2, "c": 2}
    made.set_quotas(rules(quotas), {Subject("user", "alice"): Spent(3_599_000)}, 3.0)
    made.decide(3.0)
    assert granted(made) == {"a": 7, "b": 1, "c": 2}


def test_nodes_that_come_and_go_do_not_confuse_the_accounts() -> None:
    made = scheduler(Greedy(), 8, {"everybody": {"cpu": 6}})
    made.submit(request("a", "alice", 2, 5, 0.0))
    made.decide(0.0)
    made.set_nodes([], 1.0)
    made.set_nodes([Node(name="two", capacity=Resources(cpu=8))], 2.0)
    made.decide(2.0)
    assert granted(made) == {"a": 6}


def worker(id: str, core: int, elastic: int, at: float = 0.0) -> Request:
    return request(id, "alice", core, elastic, at)


def elastic_scheduler(cpus: int, limit: int) -> Scheduler:
    """On an engine, on which what is taken back takes time."""
    made = Scheduler(Elastic(), FIFO())
    made.set_nodes([Node(name="one", capacity=Resources(cpu=cpus))], 0.0)
    made.set_quotas(rules({"users": {"alice": {"cpu": limit}}}), {}, 0.0)
    return made


def test_elastic_instances_give_way_to_a_larger_core_of_the_same_quota_and_go_first() -> None:
    made = elastic_scheduler(100, 9)
    made.submit(worker("a", 1, 7))
    made.submit(worker("b", 1, 0, 1.0))
    made.decide(1.0)
    assert granted(made) == {"a": 8, "b": 1}
    made.change(worker("b", 4, 0, 1.0), 2.0)
    made.decide(2.0)
    # The core is not there before what gives way to it has gone: that is still in use.
    assert granted(made)["b"] == 1
    assert granted(made)["a"] == 5
    assert why_waiting(made.cluster, made.waiting_cores["b"], 0) == (
        "waits until what gives way to it in a quota has gone; others gave back 3 workers"
    )
    made.gone("a", "w", 2)
    made.decide(3.0)
    assert granted(made)["b"] == 1
    made.gone("a", "w", 1)
    made.decide(4.0)
    assert granted(made)["b"] == 4
    assert made.decide(5.0) == []
    assert granted(made)["a"] == 5


def test_what_is_to_be_core_is_not_drained_first_where_it_is_there_already() -> None:
    made = elastic_scheduler(100, 6)
    made.submit(worker("a", 2, 4))
    made.submit(request("c", "bob", 101, 0, 0.5))
    made.decide(1.0)
    made.change(worker("a", 4, 4), 2.0)
    made.decide(2.0)
    application = made.cluster.applications["a"]
    assert (granted(made), application.request.core) == ({"a": 6}, 4)


def test_what_goes_counts_for_its_owner_until_it_has_gone_and_is_no_reason_to_take_more() -> None:
    made = Scheduler(Elastic(), FIFO())
    made.set_nodes([Node(name="one", capacity=Resources(cpu=100))], 0.0)
    made.set_quotas(rules({"everybody": {"cpu": 9}}), {}, 0.0)
    made.submit(request("a", "alice", 0, 9))
    made.submit(request("b", "alice", 0, 0))
    made.decide(0.0)
    made.change(request("a", "alice", 0, 0), 1.0)
    made.change(request("b", "alice", 0, 9), 1.0)
    made.decide(1.0)
    assert granted(made) == {"a": 0, "b": 0}
    made.gone("a", "w", 4)
    made.decide(2.0)
    assert granted(made) == {"a": 0, "b": 4}
    made.gone("a", "w", 5)
    made.decide(3.0)
    assert granted(made) == {"a": 0, "b": 9}
    made.set_quotas(rules({"everybody": {"cpu": 7}}), {}, 4.0)
    made.set_quotas(rules({"everybody": {"cpu": 6}}), {}, 5.0)
    assert granted(made) == {"a": 0, "b": 6}
