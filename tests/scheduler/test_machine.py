"""Each policy through everything that can happen. `make prove` goes further than the suite does."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from zoe_hub.scheduler.methods import POLICIES

from .machine import SchedulerMachine

EXAMPLES = int(os.environ.get("ZOE_PROVE_EXAMPLES", "8"))
STEPS = int(os.environ.get("ZOE_PROVE_STEPS", "25"))
TAKING = ("flexible-preemptive", "elastic")


@pytest.mark.parametrize("name", POLICIES)
def test_whatever_happens(name: str) -> None:
    machine = type("Machine", (SchedulerMachine,), {"policy": name, "takes": name in TAKING})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
