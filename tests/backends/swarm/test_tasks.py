from __future__ import annotations

from typing import Any

import pytest

from zoe_hub.backends.docker.endings import Seen, ending
from zoe_hub.backends.swarm.starter import OUT_OF_MEMORY
from zoe_hub.backends.swarm.tasks import Task, read


def node(name: str, state: str = "ready", availability: str = "active") -> dict[str, Any]:
    return {
        "ID": f"id-{name}",
        "Description": {"Hostname": name},
        "Status": {"State": state},
        "Spec": {"Availability": availability},
    }


def task(state: str, machine: str = "one", created: int = 1, **status: Any) -> dict[str, Any]:
    return {
        "ID": f"task-{created}",
        "CreatedAt": f"2026-01-01T00:00:0{created}Z",
        "NodeID": f"id-{machine}" if machine else "",
        "Status": {"State": state, **status},
        "NetworksAttachments": [
            {"Network": {"Spec": {"Name": "other"}}, "Addresses": ["10.9.9.9/24"]},
            {"Network": {"Spec": {"Name": "mine"}}, "Addresses": ["10.0.0.7/24"]},
        ],
    }


def look(*tasks: dict[str, Any], nodes: list[dict[str, Any]] | None = None, before: str = "") -> Task:
    machines = nodes if nodes is not None else [node("one"), node("two")]
    return read("run", tasks, {each["ID"]: each for each in machines}, "mine", before)


def words(found: Task) -> str:
    return ending(found.seen, program="prog", memory=2**26).reason


def test_one_that_runs_has_its_address_in_its_own_network() -> None:
    found = look(task("running"))
    assert found.seen == Seen("run", "running", address="10.0.0.7")
    assert found.machine == "one"


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ([], "it waits for the swarm"),
        ([task("pending", "")], "it waits for a machine of the swarm"),
        (
            [task("pending", "", Err="no suitable node (insufficient resources on 2 nodes)")],
            "no machine of the swarm takes it: no suitable node (insufficient resources on 2 nodes)",
        ),
        ([task("preparing")], "its image is being brought to one"),
        ([task("starting")], "it is being started on one"),
    ],
)
def test_what_does_not_run_yet_says_what_it_waits_for(tasks: list[dict[str, Any]], said: str) -> None:
    found = look(*tasks)
    assert found.waits == said
    assert found.seen.state == "pending"
    assert not found.seen.over


def test_how_it_ended_is_known() -> None:
    exited = look(task("failed", ContainerStatus={"ExitCode": 7}))
    assert (exited.seen.over, exited.seen.code, words(exited)) == (True, 7, "")
    memory = look(task("failed", ContainerStatus={"ExitCode": OUT_OF_MEMORY}))
    assert words(memory) == "it was killed because it wanted more than its 64 MiB of memory"
    refused = look(task("rejected", Err="No such image: zoe/none:1"))
    assert words(refused) == "its machine one says: No such image: zoe/none:1"


def test_who_was_on_a_machine_that_died_has_ended_and_its_log_is_not_asked_for() -> None:
    found = look(task("running"), nodes=[node("one", "down")])
    assert found.seen.over
    assert found.lost
    assert words(found) == "its machine one does not answer any more"


def test_the_swarm_s_own_replacement_does_not_hide_that_the_machine_died() -> None:
    tasks = [task("running", "one", 1), task("running", "two", 2)]
    nodes = [node("one", "down"), node("two")]
    assert look(*tasks, nodes=nodes, before="task-1").lost
    # Who did not see the first one takes what there is.
    assert look(*tasks, nodes=nodes).seen.state == "running"


def test_what_an_emptied_machine_drops_has_ended_however_its_program_took_it() -> None:
    tasks = [task("failed", "one", 1, ContainerStatus={"ExitCode": 143}), task("pending", "", 2)]
    found = look(*tasks, nodes=[node("one", availability="drain"), node("two")], before="task-1")
    assert found.seen.over
    assert words(found) == "its machine one is being emptied"


def test_an_administrator_s_update_goes_on_with_the_new_task() -> None:
    tasks = [task("shutdown", "one", 1), task("running", "two", 2)]
    found = look(*tasks, before="task-1")
    assert found.seen.state == "running"
    assert found.id == "task-2"
