from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest

from zoe_hub.model.errors import CapacityExceeded
from zoe_hub.model.resources import Resources
from zoe_hub.scheduler.requests import INTERACTIVE
from zoe_hub.simulator.generator import Settings, generate
from zoe_hub.simulator.nodes import machines

NODES = machines(25)


def test_the_same_settings_make_the_same_workload() -> None:
    assert generate(Settings(requests=50), NODES) == generate(Settings(requests=50), NODES)
    assert generate(Settings(requests=50), NODES) != generate(Settings(requests=50, seed=2), NODES)


def test_the_load_is_what_was_asked_for() -> None:
    for load in (0.7, 1.1):
        workload = generate(Settings(requests=400, load=load), NODES)
        span = workload.jobs[-1].submitted
        cpu = sum(job.seconds * job.components * job.demands[0].shape.cpu for job in workload.jobs)
        memory = sum(job.seconds * job.components * job.demands[0].shape.memory for job in workload.jobs)
        assert max(cpu / (25 * 32_000), memory / (25 * 128 * 2**30)) / span == pytest.approx(load, rel=1e-4)


def test_another_load_moves_arrivals_and_nothing_else() -> None:
    """So that loads are compared on the same applications."""
    one, other = (generate(Settings(requests=100, load=load), NODES).jobs for load in (0.7, 1.4))
    assert [replace(job, submitted=0.0) for job in one] == [replace(job, submitted=0.0) for job in other]
    assert [job.submitted for job in one] == pytest.approx([2 * job.submitted for job in other], abs=0.01)


def test_the_mix_and_the_medians_are_what_they_are_called() -> None:
    jobs = generate(Settings(requests=5000, elastic=0.64, interactive=0.2), NODES).jobs
    rigid = [job for job in jobs if job.demands[0].elastic == 0]
    interactive = [job for job in jobs if job.priority == INTERACTIVE]
    assert len(rigid) / 5000 == pytest.approx(0.16, abs=0.02)
    assert len(interactive) / 5000 == pytest.approx(0.2, abs=0.02)
    assert sorted(job.seconds for job in jobs)[2500] == pytest.approx(1800, rel=0.1)
    assert max(job.seconds for job in jobs) <= 9 * 86_400
    assert sum(job.demands[0].core == 1 for job in rigid) / len(rigid) > 0.6
    assert all(job.demands[0].core <= 4 for job in jobs if job.demands[0].elastic)


def test_gaps_are_as_uneven_as_they_are_called() -> None:
    even = [job.submitted for job in generate(Settings(requests=50, burst=0), NODES).jobs]
    gaps = [later - earlier for earlier, later in pairwise(even)]
    assert max(gaps) - min(gaps) < 0.01
    bursty = [job.submitted for job in generate(Settings(requests=500), NODES).jobs]
    gaps = [later - earlier for earlier, later in pairwise(bursty)]
    mean = sum(gaps) / len(gaps)
    assert math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) > 2 * mean


def test_applications_that_fit_on_no_machines_are_refused_in_a_sentence() -> None:
    with pytest.raises(CapacityExceeded, match="fits on no 1 of these nodes"):
        generate(Settings(requests=50), machines(1, Resources(cpu=1, memory=2**30)))
