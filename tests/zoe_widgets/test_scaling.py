from __future__ import annotations

from typing import Any

import pytest

from zoe_hub.client import ExecutionView
from zoe_hub.model.errors import Overtaken
from zoe_hub.model.events import Event
from zoe_widgets.progress import sizes
from zoe_widgets.scaling import Settled


def view(asked: int, granted: int, states: list[str]) -> ExecutionView:
    instances: list[dict[str, Any]] = [
        {"process": "toy.worker", "ordinal": number, "state": state} for number, state in enumerate(states)
    ]
    plan = {"scales": "workers", "processes": [{"key": "toy.worker", "core": 1, "elastic": asked - 1}]}
    return ExecutionView.model_validate(
        {
            "id": "x",
            "owner": "alice",
            "name": "toys-1",
            "zapp": "toys",
            "state": "running",
            "plan": plan,
            "parameters": {"workers": asked},
            "granted": {"toy.worker": granted},
            "instances": instances,
        }
    )


def event(kind: str, **data: Any) -> Event:
    return Event(seq=1, time="2024-01-01T00:00:00Z", owner="alice", execution="x", kind=kind, data=data)  # type: ignore[arg-type]


def test_up_is_done_when_all_are_ready():
    settled = Settled(3, ["toy.worker"])
    assert not settled(view(2, 2, ["ready"] * 2))
    assert not settled(view(3, 3, ["ready", "ready", "starting"]))
    assert settled(view(3, 3, ["ready"] * 3))


def test_down_is_done_when_the_others_have_gone_whether_or_not_the_grant_was_lowered_yet():
    settled = Settled(1, ["toy.worker"])
    assert not settled(view(1, 3, ["ready"] * 3))
    assert not settled(view(1, 1, ["ready", "draining", "stopped"]))
    assert settled(view(1, 1, ["ready", "stopped", "stopped"]))


def test_a_smaller_grant_is_believed_when_the_scheduler_has_decided_after_the_last_wish():
    settled = Settled(5, ["toy.worker"])
    settled.saw(event("execution.granted"))
    settled.saw(event("execution.scaled"))
    assert not settled(view(5, 2, ["ready"] * 2))
    settled.saw(event("execution.waiting"))
    assert not settled(view(5, 3, ["ready", "ready", "starting"]))
    assert settled(view(5, 3, ["ready"] * 3))


def test_a_number_that_was_asked_for_as_null_is_the_default():
    asked = view(1, 1, ["ready"]).model_dump(mode="json")
    asked["parameters"] = {"workers": None}
    asked["plan"]["parameters"] = {"workers": 1}
    assert ExecutionView.model_validate(asked).asked == 1


def test_one_number_for_two_frameworks_is_done_when_both_have_theirs():
    plan = {
        "scales": "n",
        "processes": [
            {"key": "tally.member", "core": 1, "elastic": 1},
            {"key": "toy.worker", "core": 1, "elastic": 1},
            {"key": "toy.head", "core": 1, "elastic": 0},
        ],
    }
    both = view(2, 2, ["ready"] * 2).model_dump(mode="json")
    both |= {"plan": plan, "parameters": {"n": 2}, "granted": {"toy.worker": 2, "tally.member": 2}}
    settled = Settled(2, ["tally.member", "toy.worker"])
    assert not settled(ExecutionView.model_validate(both))
    both["instances"] += [{"process": "tally.member", "ordinal": n, "state": "ready"} for n in range(2)]
    now = ExecutionView.model_validate(both)
    assert settled(now)
    assert (now.number, now.asked, now.allowed, now.ready) == (2, 4, 4, 4)


def test_who_is_overtaken_is_told_by_whom():
    settled = Settled(4, ["toy.worker"])
    settled.saw(event("execution.scaled", parameters={"workers": 2}, by="bob"))
    settled.saw(event("execution.scaled", parameters={"workers": 4}, by="alice"))
    assert not settled(view(6, 6, ["ready"] * 6))  # by whom, is not known yet
    settled.saw(event("execution.scaled", parameters={"workers": 6}, by="bob"))
    with pytest.raises(Overtaken, match=r"^toys-1 was scaled to 6 by bob meanwhile\.$"):
        settled(view(6, 6, ["ready"] * 6))


def test_who_asked_for_the_same_overtakes_nobody():
    settled = Settled(2, ["toy.worker"])
    settled.saw(event("execution.scaled", parameters={"workers": 6}, by="bob"))
    settled.saw(event("execution.scaled", parameters={"workers": 2}, by="bob"))
    assert settled(view(2, 2, ["ready"] * 2))


def test_a_notebook_is_told_why_its_cluster_became_smaller_and_larger(notebook, zoe):
    notebook.run("from zoe_widgets import Zoe, notices; zoe = Zoe()")
    notebook.run('cluster = zoe.attach("spark", workers=6)')
    notebook.run("said = []; notices.say = lambda sentence, *_: said.append(sentence)")
    zoe.wait_for_follower()
    why = "4 of 6 workers: 2 given back so that another application could start"
    zoe.soon(lambda: zoe.give("spark-1", 4, why))
    shown = notebook.run("import time\nwhile not said or cluster.view.ready != 4: time.sleep(0.01)\ncluster")
    assert f"granted {why}" in shown.value
    assert "2 given back so that another application could start" in shown.pages[-1]
    assert notebook.value("said") == repr([f"spark-1 has {why}."])
    used = "2 of 6 workers. Your quota of 2 CPU is used. An administrator can give more."
    zoe.soon(lambda: zoe.give("spark-1", 2, used))
    shown = notebook.run("while len(said) < 2 or cluster.view.ready != 2: time.sleep(0.01)\ncluster")
    assert notebook.value("said[1]") == repr(f"spark-1 has {used}")
    assert "can give more, " in shown.value
    notebook.run("said.clear(); cluster.scale(3)")
    assert notebook.value("said") == "[]"


@pytest.mark.parametrize(("wait", "told"), [(None, ""), (600, " · starts in about 10 minutes")])
def test_what_waits_says_when_it_starts_where_that_is_known(wait: float | None, told: str) -> None:
    outlook = {"reason": "waits for 1 CPU on one node", "wait": wait}
    change = {"state": "queued", "reason": "waits for 1 CPU on one node", "outlook": outlook}
    queued = ExecutionView.model_validate(view(3, 0, []).model_dump() | change)
    assert sizes(queued) == f"workers: 3 asked · waits for 1 CPU on one node{told}"
    assert "starts" not in sizes(view(3, 3, ["ready"] * 3))
