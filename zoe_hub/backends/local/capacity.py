"""How much of this machine there is to hand out."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from ...model.resources import Resources
from .settings import LocalSettings

_CGROUP = Path("/sys/fs/cgroup")


def capacity(settings: LocalSettings, cgroup: Path = _CGROUP) -> Resources:
    """What is declared; else what the machine has, as far as this service's control group may use it."""
    cpus = settings.cpus
    if cpus is None:
        cpus = available_cpus(cgroup) * settings.cpu_overcommit
    memory = settings.memory
    if memory is None:
        memory = available_memory(cgroup)
    return Resources(cpu=cpus, memory=memory)


def available_cpus(cgroup: Path = _CGROUP) -> float:
    """Processors that this process may use; a control group may allow a fraction of one."""
    usable = float(len(os.sched_getaffinity(0)))
    quota, period = (_words(cgroup / "cpu.max") or [*_words(cgroup / "cpu/cpu.cfs_quota_us"), "0"])[:2] or ("max", "0")
    if period == "0":
        period = (_words(cgroup / "cpu/cpu.cfs_period_us") or ["0"])[0]
    if quota.isdigit() and int(period) > 0:
        usable = min(usable, int(quota) / int(period))
    return usable


def available_memory(cgroup: Path = _CGROUP) -> int:
    """Bytes of main memory that this process and its like may use."""
    limits = [*_words(cgroup / "memory.max"), *_words(cgroup / "memory/memory.limit_in_bytes")]
    return min([psutil.virtual_memory().total, *(int(limit) for limit in limits if limit.isdigit())])


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []
