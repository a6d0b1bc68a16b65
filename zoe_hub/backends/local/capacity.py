"""How much of this machine there is to hand out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil

from ...model.resources import Resources
from .settings import LocalSettings

_CGROUP = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


def capacity(settings: LocalSettings, cgroup: Path = _CGROUP) -> Resources:
    """What is declared; else what the machine has, as far as this service's control group may use it."""
    cpus = settings.cpus
    if cpus is None:
        cpus = available_cpus(cgroup) * settings.cpu_overcommit
    memory = settings.memory
    if memory is None:
        memory = available_memory(cgroup)
    return Resources(cpu=cpus, memory=memory)


def available_cpus(cgroup: Path = _CGROUP, own: Path = _OWN) -> float:
    """Processors that this process may use; a control group may allow a fraction of one."""
    quotas = [_words(folder / "cpu.max") for folder in _groups(cgroup, own)]
    quotas.append([*_words(cgroup / "cpu/cpu.cfs_quota_us"), *_words(cgroup / "cpu/cpu.cfs_period_us")])
    limits = [int(words[0]) / int(words[1]) for words in quotas if len(words) == 2 and words[0].isdigit()]
    return min([float(len(os.sched_getaffinity(0))), *limits])


def available_memory(cgroup: Path = _CGROUP, own: Path = _OWN) -> int:
    """Bytes of main memory that this process and its like may use."""
    limits = [word for folder in _groups(cgroup, own) for word in _words(folder / "memory.max")]
    limits += _words(cgroup / "memory/memory.limit_in_bytes")
    return min([psutil.virtual_memory().total, *(int(limit) for limit in limits if limit.isdigit())])


def _groups(cgroup: Path, own: Path) -> Iterator[Path]:
    """This process' control group (version 2) and all that it is in."""
    path = next((word[len("0::/") :] for word in _words(own) if word.startswith("0::/")), "")
    group = cgroup / path
    while group != cgroup and cgroup in group.parents:
        yield group
        group = group.parent
    yield cgroup


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []
