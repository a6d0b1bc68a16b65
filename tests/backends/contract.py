"""What every back end must do. A test module subclasses these with a fixture `backend`, open and empty.

`BackendContract`  for every back end, those in memory included
`ProgramContract`  for those that really run programs: small Python scripts, started by ``${python} -c``
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from zoe_hub.backends.base import Backend, Order
from zoe_hub.model.errors import UnknownName
from zoe_hub.model.execution import InstanceState as I
from zoe_hub.model.execution import InstanceStatus
from zoe_hub.model.framework import Drain, File, Placement, Port, Readiness, Restart, RestartPolicy, Shutdown
from zoe_hub.model.plan import ProcessPlan
from zoe_hub.model.resources import Resources
from zoe_hub.scheduler.lifecycle import check_instance

WITHIN = 60.0
"""Seconds after which a test gives up waiting."""

SLEEP = "import time; time.sleep(1000)"
SERVE = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ok = self.headers.get("Authorization", "") == os.environ.get("EXPECTED", "")
        self.send_response(200 if ok else 403)
        self.end_headers()
        self.wfile.write(b"hello")
    def log_message(self, *args):
        pass
print("listening", flush=True)
http.server.HTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""
_FAST = Restart(policy=RestartPolicy.ALWAYS, limit=3, delay=0.01)


def template(script: str = SLEEP, *arguments: str, name: str = "worker", **fields: Any) -> ProcessPlan:
    """One process that runs a Python script."""
    values: dict[str, Any] = {
        "framework": "test",
        "name": name,
        "title": "",
        "image": "",
        "command": ("${python}", "-c", script, *arguments),
        "environment": {},
        "files": (),
        "ports": (),
        "core": 1,
        "elastic": 0,
        "resources": Resources(cpu=0.1, memory=2**26),
        "readiness": None,
        "restart": _FAST,
        "shutdown": Shutdown(grace=5),
        "after": (),
        "placement": Placement.BACKEND,
    }
    return ProcessPlan(**{**values, **fields})


def server(**fields: Any) -> ProcessPlan:
    """A process that serves HTTP at its port, and is ready when it does."""
    values: dict[str, Any] = {
        "ports": (Port(name="web"),),
        "readiness": Readiness(port="web", kind="http", path="/", timeout=WITHIN),
    }
    return template(SERVE, "${self.host}", "${self.port.web}", **{**values, **fields})


def order(execution: str, process: ProcessPlan, replicas: int = 1) -> Order:
    return Order(execution, "alice", process, replicas)


async def find(
    backend: Backend, execution: str, ordinal: int = 0, process: str = "test.worker"
) -> InstanceStatus | None:
    for status in await backend.instances():
        if status.key == (execution, process, ordinal):
            return status
    return None


async def until(condition: Callable[[], Awaitable[Any]], what: str = "") -> Any:
    """Ask until the answer is true, and return it."""
    end = time.monotonic() + WITHIN
    while True:
        if answer := await condition():
            return answer
        assert time.monotonic() < end, f"still waiting: {what or condition}"
        await asyncio.sleep(0.02)


async def until_state(backend: Backend, execution: str, state: I, ordinal: int = 0) -> InstanceStatus:
    """Wait until an instance is in this state."""
    seen: InstanceStatus | None = None

    async def check() -> InstanceStatus | None:
        nonlocal seen
        seen = await find(backend, execution, ordinal)
        return seen if seen is not None and seen.state is state else None

    try:
        status: InstanceStatus = await until(check)
    except AssertionError:
        raise AssertionError(f"waited for {state.value}, but the instance is {seen}") from None
    return status


async def until_restarted(backend: Backend, execution: str, restarts: int = 1) -> InstanceStatus:
    """Wait until an instance is ready again."""

    async def check() -> InstanceStatus | None:
        status = await find(backend, execution)
        return status if status and status.state is I.READY and status.restarts >= restarts else None

    status: InstanceStatus = await until(check, f"restart {restarts}")
    return status


async def text(chunks: AsyncIterator[bytes]) -> str:
    return b"".join([chunk async for chunk in chunks]).decode()


class BackendContract:
    """For every back end."""

    async def test_an_ordered_instance_becomes_ready_and_says_where(self, backend: Backend) -> None:
        await backend.apply(order("x1", server()))
        status = await until_state(backend, "x1", I.READY)
        assert status.host
        assert set(status.ports) == {"web"}
        assert status.restarts == 0
        assert status.started is not None

    async def test_every_ordinal_is_there_once(self, backend: Backend) -> None:
        await backend.apply(order("x1", template(), 3))
        for ordinal in range(3):
            await until_state(backend, "x1", I.READY, ordinal)
        assert sorted(status.ordinal for status in await backend.instances()) == [0, 1, 2]

    async def test_the_same_order_again_changes_nothing(self, backend: Backend) -> None:
        await backend.apply(order("x1", template()))
        before = await until_state(backend, "x1", I.READY)
        await backend.apply(order("x1", template()))
        assert await find(backend, "x1") == before

    async def test_fewer_replicas_stop_the_highest_ordinals(self, backend: Backend) -> None:
        await backend.apply(order("x1", template(), 3))
        for ordinal in range(3):
            await until_state(backend, "x1", I.READY, ordinal)
        await backend.apply(order("x1", template(), 1))
        await until_state(backend, "x1", I.STOPPED, 1)
        await until_state(backend, "x1", I.STOPPED, 2)
        assert (await until_state(backend, "x1", I.READY, 0)).restarts == 0

    async def test_what_was_taken_away_comes_back_when_ordered_again(self, backend: Backend) -> None:
        await backend.apply(order("x1", template(), 2))
        await until_state(backend, "x1", I.READY, 1)
        await backend.apply(order("x1", template(), 1))
        await backend.apply(order("x1", template(), 2))
        await until_state(backend, "x1", I.READY, 1)
        await until_state(backend, "x1", I.READY, 0)

    async def test_watchers_see_every_change_in_order(self, backend: Backend) -> None:
        first, second = backend.watch(), backend.watch()
        await backend.apply(order("x1", template(), 2))
        for ordinal in range(2):
            await until_state(backend, "x1", I.READY, ordinal)
        await backend.apply(order("x1", template(), 1))
        await until_state(backend, "x1", I.STOPPED, 1)
        await backend.remove("x1")
        await backend.close()
        seen = [status async for status in first]
        assert seen == [status async for status in second]
        for ordinal in range(2):
            states = [status.state for status in seen if status.ordinal == ordinal]
            for before, after in itertools.pairwise(states):
                check_instance(before, after)
            assert I.READY in states
            assert states[-1] is I.STOPPED

    async def test_a_removed_execution_is_gone_and_others_stay(self, backend: Backend) -> None:
        for execution in ("x1", "x2"):
            await backend.apply(order(execution, template(), 2))
            await until_state(backend, execution, I.READY, 0)
        await backend.remove("x1")
        assert {status.execution for status in await backend.instances()} == {"x2"}
        await until_state(backend, "x2", I.READY, 1)

    async def test_removing_again_or_the_unknown_does_nothing(self, backend: Backend) -> None:
        await backend.apply(order("x1", template()))
        await backend.remove("x1")
        await backend.remove("x1")
        await backend.remove("unknown")
        assert await backend.instances() == []

    async def test_logs_stay_until_forgotten(self, backend: Backend) -> None:
        await backend.apply(order("x1", template("print('started', flush=True); " + SLEEP)))
        await until_state(backend, "x1", I.READY)

        async def started() -> bool:
            return "started" in await text(backend.logs("x1", "test.worker", 0))

        await until(started)
        await backend.remove("x1")
        assert await started()
        await backend.forget("x1")
        await backend.forget("x1")
        with pytest.raises(UnknownName):
            await text(backend.logs("x1", "test.worker", 0))

    async def test_logs_of_what_never_was_are_unknown(self, backend: Backend) -> None:
        with pytest.raises(UnknownName):
            await text(backend.logs("x1", "test.worker", 0))

    async def test_there_is_a_node_with_capacity(self, backend: Backend) -> None:
        nodes = await backend.nodes()
        assert nodes[0].capacity.cpu > 0
        assert nodes[0].capacity.memory > 0

    async def test_the_description_is_data(self, backend: Backend) -> None:
        json.dumps(dict(backend.describe()))

    async def test_closing_twice_does_nothing(self, backend: Backend) -> None:
        await backend.close()
        await backend.close()


class ProgramContract(BackendContract):
    """For back ends that run programs. `shared` is a folder that the programs can write into."""

    @pytest.fixture
    def shared(self, tmp_path: Path) -> Path:
        return tmp_path

    async def test_a_program_that_dies_is_started_again(self, backend: Backend, shared: Path) -> None:
        script = f"import os, time; open({str(shared / 'once')!r}, 'x'); os._exit(3)"
        again = f"import os, time\ntry:\n  {script}\nexcept FileExistsError:\n  time.sleep(1000)"
        await backend.apply(order("x1", template(again)))
        status = await until_restarted(backend, "x1")
        assert status.exit_code == 3
        assert status.restarts == 1

    async def test_it_is_given_up_after_the_limit_and_its_last_words_are_shown(self, backend: Backend) -> None:
        script = "import sys; print('no room at the inn'); sys.exit(7)"
        await backend.apply(order("x1", template(script, restart=Restart(limit=2, delay=0.01))))
        status = await until_state(backend, "x1", I.FAILED)
        assert status.exit_code == 7
        assert status.restarts == 2
        assert "status 7" in status.message
        assert "no room at the inn" in status.message
        assert (await text(backend.logs("x1", "test.worker", 0))).count("no room") == 3

    @pytest.mark.parametrize(
        ("policy", "code", "state"),
        [
            (RestartPolicy.NEVER, 0, I.STOPPED),
            (RestartPolicy.NEVER, 4, I.FAILED),
            (RestartPolicy.ON_FAILURE, 0, I.STOPPED),
        ],
    )
    async def test_an_end_that_is_not_followed_by_a_restart(
        self, backend: Backend, policy: RestartPolicy, code: int, state: I
    ) -> None:
        await backend.apply(order("x1", template(f"import os; os._exit({code})", restart=Restart(policy=policy))))
        status = await until_state(backend, "x1", state)
        assert (status.exit_code, status.restarts) == (code, 0)
        await backend.apply(order("x1", template(f"import os; os._exit({code})", restart=Restart(policy=policy))))
        assert await find(backend, "x1") == status

    async def test_it_is_not_ready_before_its_port_answers(self, backend: Backend, shared: Path) -> None:
        gate = shared / "gate"
        script = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)\n" + SERVE
        process = template(
            script,
            "${self.host}",
            "${self.port.web}",
            ports=(Port(name="web"),),
            readiness=Readiness(port="web", timeout=WITHIN),
        )
        await backend.apply(order("x1", process))
        await until_state(backend, "x1", I.STARTING)
        gate.touch()
        await until_state(backend, "x1", I.READY)

    async def test_http_readiness_sends_the_port_s_headers(self, backend: Backend) -> None:
        web = Port(name="web", headers={"Authorization": "Bearer ${self.ordinal}"})
        process = server(ports=(web,), environment={"EXPECTED": "Bearer ${self.ordinal}"})
        await backend.apply(order("x1", process))
        await until_state(backend, "x1", I.READY)

    async def test_it_fails_when_it_is_not_ready_in_time(self, backend: Backend) -> None:
        process = server(
            environment={"EXPECTED": "nobody sends this"},
            readiness=Readiness(port="web", kind="http", timeout=0.3),
            restart=Restart(limit=1, delay=0.01),
        )
        await backend.apply(order("x1", process))
        status = await until_state(backend, "x1", I.FAILED)
        assert "not ready within 0.3 seconds" in status.message
        assert status.restarts == 1

    async def test_a_missing_program_is_named(self, backend: Backend) -> None:
        await backend.apply(order("x1", template(command=("no-such-program", "--flag"), restart=Restart(limit=0))))
        status = await until_state(backend, "x1", I.FAILED)
        assert "no-such-program" in status.message
        assert "not found" in status.message
        assert "Traceback" not in status.message

    async def test_files_are_private_and_where_the_program_starts(self, backend: Backend) -> None:
        script = "import os; print(oct(os.stat('conf').st_mode)[-3:], open('conf').read(), os.getcwd(), flush=True); "
        files = (File(path="conf", content="n=${self.ordinal} $$5"),)
        await backend.apply(
            order("x1", template(script + "print('${self.folder}', flush=True); " + SLEEP, files=files))
        )

        async def written() -> list[str] | None:
            lines = (await text(backend.logs("x1", "test.worker", 0))).splitlines()
            return lines if len(lines) == 2 else None

        first, folder = await until(written)
        assert first == f"600 n=0 $5 {folder}"

    async def test_draining_comes_before_stopping(self, backend: Backend) -> None:
        script = (
            "import signal, sys, time\n"
            "def hand_over(*_): print('handed over', flush=True); sys.exit(0)\n"
            "signal.signal(signal.SIGUSR1, hand_over)\n"
            "print('working', flush=True)\n"
            "while True: time.sleep(1000)\n"
        )
        process = template(script, shutdown=Shutdown(drain=Drain(signal="SIGUSR1", timeout=WITHIN)))
        await backend.apply(order("x1", process, 2))

        async def working() -> bool:
            return "working" in await text(backend.logs("x1", "test.worker", 1))

        await until_state(backend, "x1", I.READY, 1)
        await until(working)
        await backend.apply(order("x1", process, 1))
        status = await until_state(backend, "x1", I.STOPPED, 1)
        assert status.exit_code == 0, status
        assert "handed over" in await text(backend.logs("x1", "test.worker", 1))

    async def test_what_does_not_drain_in_time_is_stopped(self, backend: Backend) -> None:
        script = (
            "import signal, time\n"
            "signal.signal(signal.SIGUSR1, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            "print('deaf', flush=True); time.sleep(1000)"
        )
        process = template(script, shutdown=Shutdown(grace=0.1, drain=Drain(signal="SIGUSR1", timeout=0.1)))
        await backend.apply(order("x1", process, 1))

        async def deaf() -> bool:
            return "deaf" in await text(backend.logs("x1", "test.worker", 0))

        await until(deaf)
        await backend.apply(order("x1", process, 0))
        assert (await until_state(backend, "x1", I.STOPPED)).exit_code in (-9, 137)

    async def test_a_followed_log_ends_with_its_instance(self, backend: Backend) -> None:
        script = "import time\nfor i in range(5): print(i, flush=True); time.sleep(0.05)"
        process = template(script, restart=Restart(policy=RestartPolicy.NEVER))
        await backend.apply(order("x1", process))
        assert await text(backend.logs("x1", "test.worker", 0, follow=True)) == "0\n1\n2\n3\n4\n"

    async def test_the_tail_of_a_log(self, backend: Backend) -> None:
        process = template("for i in range(30000): print(i)", restart=Restart(policy=RestartPolicy.NEVER))
        await backend.apply(order("x1", process))
        await until_state(backend, "x1", I.STOPPED)
        assert await text(backend.logs("x1", "test.worker", 0, tail=2)) == "29998\n29999\n"
        assert await text(backend.logs("x1", "test.worker", 0, tail=0)) == ""
        whole = await text(backend.logs("x1", "test.worker", 0, tail=1_000_000))
        assert whole == await text(backend.logs("x1", "test.worker", 0))
        assert len(whole.splitlines()) == 30000
        assert len((await text(backend.logs("x1", "test.worker", 0, tail=20000))).splitlines()) == 20000
