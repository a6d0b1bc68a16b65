"""What the back end finds out about, and takes from, the machine."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from zoe_hub.backends.local import LocalSettings
from zoe_hub.backends.local.capacity import available_cpus, available_memory, capacity
from zoe_hub.backends.local.environment import make_environment
from zoe_hub.backends.local.ports import Ports, is_free, is_served

TOTAL = psutil.virtual_memory().total


@pytest.fixture
def cgroup(tmp_path: Path) -> Path:
    return tmp_path


def test_what_is_declared_is_handed_out(settings: LocalSettings) -> None:
    node = capacity(replace(settings, cpus=3, memory=5, cpu_overcommit=100))
    assert (node.cpu, node.memory) == (3, 5)


def test_processors_of_the_machine_are_handed_out_several_times(settings: LocalSettings, cgroup: Path) -> None:
    node = capacity(replace(settings, cpu_overcommit=8), cgroup)
    assert (node.cpu, node.memory) == (8 * len(os.sched_getaffinity(0)), TOTAL)


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({"cpu.max": "50000 100000"}, 0.5),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}, 0.5),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({}, None),
    ],
)
def test_a_control_group_limits_processors(cgroup: Path, files: dict[str, str], cpus: float | None) -> None:
    write(cgroup, files)
    assert available_cpus(cgroup) == (len(os.sched_getaffinity(0)) if cpus is None else cpus)


@pytest.mark.parametrize(
    ("files", "memory"),
    [
        ({"memory.max": "1048576"}, 1048576),
        ({"memory.max": "max"}, TOTAL),
        ({"memory/memory.limit_in_bytes": "1048576"}, 1048576),
        ({"memory/memory.limit_in_bytes": "9223372036854771712"}, TOTAL),
        ({}, TOTAL),
    ],
)
def test_a_control_group_limits_memory(cgroup: Path, files: dict[str, str], memory: int) -> None:
    write(cgroup, files)
    assert available_memory(cgroup) == memory


def test_the_limit_of_an_outer_control_group_counts(cgroup: Path) -> None:
    own = cgroup / "own"
    own.write_text("0::/system.slice/zoe.service\n")
    (cgroup / "system.slice/zoe.service").mkdir(parents=True)
    write(cgroup, {"system.slice/memory.max": "4096", "system.slice/zoe.service/memory.max": "max"})
    write(cgroup, {"system.slice/zoe.service/cpu.max": "25000 100000"})
    assert available_memory(cgroup, own) == 4096
    assert available_cpus(cgroup, own) == 0.25


def write(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content + "\n")


def test_no_port_is_handed_out_twice() -> None:
    ports = Ports()
    numbers = [number for _ in range(20) for number in ports.take(["a", "b"]).values()]
    ports.give_back(numbers)
    numbers += [number for _ in range(20) for number in ports.take(["a", "b"]).values()]
    assert len(set(numbers)) == 80


def test_a_port_in_use_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not is_free(server.getsockname()[1])


def test_a_port_whose_server_is_gone_is_not_served_though_it_is_not_free_yet() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    number = server.getsockname()[1]
    assert is_served(number)
    with socket.create_connection(("127.0.0.1", number)) as client:
        accepted, _ = server.accept()
        # Who closes first keeps the port for a minute.
        accepted.close()
        server.close()
        client.recv(1)
    assert not is_free(number)
    assert not is_served(number)


def test_ports_are_not_those_of_outgoing_connections() -> None:
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert all(not low <= number <= high for number in Ports().take([f"p{number}" for number in range(50)]).values())


def test_the_environment_is_small_and_the_template_has_the_last_word() -> None:
    own = {"PATH": "/usr/bin:/bin", "HOME": "/home/alice", "JUPYTERHUB_API_TOKEN": "x", "ZOE_KEY": "x", "EDITOR": "vi"}
    environment = make_environment(
        own, {"HOME": "/scratch", "A": "b"}, python="/opt/env/bin/python", temporary=Path("/scratch/tmp"), mark="m"
    )
    assert environment == {
        "PATH": "/opt/env/bin:/usr/bin:/bin",
        "HOME": "/scratch",
        "A": "b",
        "TMPDIR": "/scratch/tmp",
        "ZOE_INSTANCE": "m",
    }
