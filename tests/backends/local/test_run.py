"""A run happens once or never, whoever tries."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.backends.contract import SLEEP, until
from zoe_hub.backends.local.identity import ProcessIdentity, boot_id, read_stat
from zoe_hub.backends.local.run import Exit, Run

SCRIPT = f"print('ran', flush=True); {SLEEP}"


@pytest.fixture
async def run(tmp_path: Path) -> AsyncIterator[Run]:
    run = Run(tmp_path / "run-1")
    yield run
    if identity := run.identity():
        identity.send_group(signal.SIGKILL)
        await run.ended()


async def start(run: Run, tmp_path: Path, *command: str) -> None:
    await run.start(command or (sys.executable, "-c", SCRIPT), {"PATH": os.defpath}, tmp_path, tmp_path / "log")


def reap(pid: int) -> None:
    os.waitpid(pid, 0)


async def test_a_second_supervisor_runs_nothing(run: Run, tmp_path: Path) -> None:
    await start(run, tmp_path)
    first = run.identity()
    reap(run._spawn(1))
    assert run.identity() == first


async def test_a_supervisor_that_comes_after_the_end_runs_nothing(run: Run, tmp_path: Path) -> None:
    await start(run, tmp_path, "/bin/sh", "-c", "exit 3")
    assert await run.ended() == Exit(3, begun=True)
    (run.folder / "launch").write_text(f"{tmp_path}\0{tmp_path / 'log2'}\0001\0true")
    reap(run._spawn(1))
    assert not (tmp_path / "log2").exists()


async def test_a_supervisor_that_comes_too_late_runs_nothing(run: Run, tmp_path: Path) -> None:
    run.folder.mkdir()
    (run.folder / "launch").write_text(f"{tmp_path}\0{tmp_path / 'log'}\0001\0true")
    assert await run.begun() is None
    reap(run._spawn(1))
    assert await run.ended() == Exit(None, begun=False)
    assert not (tmp_path / "log").exists()


async def test_two_who_look_see_the_same(run: Run, tmp_path: Path) -> None:
    await start(run, tmp_path)
    other = Run(run.folder)
    assert await other.begun() == await run.begun() == run.identity()
    identity = run.identity()
    assert identity is not None
    identity.send(signal.SIGTERM)
    assert await run.ended() == await other.ended() == Exit(-signal.SIGTERM, begun=True)


async def test_the_description_with_its_secrets_is_gone_when_the_program_runs(run: Run, tmp_path: Path) -> None:
    await start(run, tmp_path)
    assert not (run.folder / "launch").exists()


async def test_output_is_appended(run: Run, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("before\n")
    await start(run, tmp_path)

    async def ran() -> bool:
        return (tmp_path / "log").read_text() == "before\nran\n"

    await until(ran)


def test_an_identity_is_of_one_process_of_one_boot() -> None:
    stat = read_stat(os.getpid())
    assert stat is not None
    assert ProcessIdentity(boot_id(), stat.pid, stat.start).is_alive()
    assert not ProcessIdentity(boot_id(), stat.pid, stat.start + 1).is_alive()
    assert not ProcessIdentity("another", stat.pid, stat.start).is_alive()


async def test_without_process_descriptors_an_end_is_noticed_too(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(pid: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", unavailable)
    monkeypatch.setattr("zoe_hub.backends.local.identity.POLL", 0.01)
    await start(run, tmp_path, "/bin/sh", "-c", "exit 4")
    assert await run.ended() == Exit(4, begun=True)


async def test_a_nul_character_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="NUL"):
        await start(run, tmp_path, "echo", "a\0b")
