"""What instances are to the machine: groups, environments, command lines, files, ports."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.backends.contract import SLEEP, find, order, server, template, text, until, until_restarted, until_state
from tests.backends.local.processes import command_line, marked, parent
from zoe_hub.backends import note
from zoe_hub.backends.instances import End
from zoe_hub.backends.local import LocalBackend, LocalSettings
from zoe_hub.backends.local.instance import LocalInstance
from zoe_hub.model.errors import InvalidRequest
from zoe_hub.model.execution import InstanceState as I
from zoe_hub.model.framework import Drain, File, Port, Restart, Shutdown

SECRET = "Zq3vN0tRealAtAll_9f8e7d6c5b4a39281706f5e4d3c"
FAMILY = f"""
import subprocess, sys, time
child = [sys.executable, "-c", {SLEEP!r}]
subprocess.Popen(child)
subprocess.Popen(child, start_new_session=True)
print("all there", flush=True)
time.sleep(1000)
"""


async def until_log(backend: LocalBackend, words: str, execution: str = "x1") -> str:
    async def written() -> str | None:
        said = await text(backend.logs(execution, "test.worker", 0))
        return said if words in said else None

    found: str = await until(written, words)
    return found


def children_of_the_family(settings: LocalSettings) -> list[int]:
    """All that work in the folder, those included that hid the mark in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.readlink(entry / "cwd").startswith(str(settings.folder)):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


async def test_each_instance_is_a_session_of_its_own(backend: LocalBackend, settings: LocalSettings) -> None:
    await backend.apply(order("x1", template(), 2))
    for ordinal in range(2):
        await until_state(backend, "x1", I.READY, ordinal)
    pids = marked("x1", settings.folder)
    assert [os.getsid(pid) for pid in pids] == pids
    assert all(os.getsid(parent(pid)) not in (pid, os.getsid(0)) for pid in pids)


async def test_removing_leaves_no_process_of_the_group_or_with_the_mark(
    backend: LocalBackend, settings: LocalSettings
) -> None:
    await backend.apply(order("x1", template(FAMILY)))
    await until_log(backend, "all there")
    assert len(children_of_the_family(settings)) == 3
    await backend.remove("x1")
    assert children_of_the_family(settings) == []


async def test_what_a_dead_main_process_left_is_ended_before_the_restart(
    backend: LocalBackend, settings: LocalSettings
) -> None:
    script = FAMILY.replace("time.sleep(1000)\n", "sys.exit(1)")
    await backend.apply(order("x1", template(script, restart=Restart(limit=1, delay=0))))
    await until_state(backend, "x1", I.FAILED)
    assert children_of_the_family(settings) == []


async def test_many_are_removed_at_once(backend: LocalBackend, settings: LocalSettings) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True)\n"
    process = template(deaf + "time.sleep(1000)", shutdown=Shutdown(grace=0.2))
    await backend.apply(order("x1", process, 6))
    for ordinal in range(6):
        await until_state(backend, "x1", I.READY, ordinal)
    await backend.remove("x1")
    assert children_of_the_family(settings) == []


async def test_the_drain_signal_reaches_the_main_process_only(backend: LocalBackend, settings: LocalSettings) -> None:
    script = """
import os, signal, sys, time
if os.fork() == 0:
    signal.signal(signal.SIGUSR1, lambda *_: print("the child heard it", flush=True))
    while True: time.sleep(0.01)
def leave(*_):
    time.sleep(0.2)
    print("bye", flush=True)
    sys.exit(0)
signal.signal(signal.SIGUSR1, leave)
print("working", flush=True)
while True: time.sleep(1000)
"""
    process = template(script, shutdown=Shutdown(drain=Drain(signal="SIGUSR1", timeout=60)))
    await backend.apply(order("x1", process))
    await until_log(backend, "working")
    await backend.apply(order("x1", process, 0))
    await until_state(backend, "x1", I.STOPPED)
    said = await text(backend.logs("x1", "test.worker", 0))
    assert "bye" in said
    assert "the child heard it" not in said
    assert children_of_the_family(settings) == []


async def test_a_draining_instance_is_removed_without_waiting(backend: LocalBackend, settings: LocalSettings) -> None:
    script = "import signal, time; signal.signal(signal.SIGUSR1, signal.SIG_IGN); print('deaf', flush=True)\n"
    process = template(script + "time.sleep(1000)", shutdown=Shutdown(drain=Drain(signal="SIGUSR1", timeout=3600)))
    await backend.apply(order("x1", process))
    await until_log(backend, "deaf")
    await backend.apply(order("x1", process, 0))
    await until_state(backend, "x1", I.DRAINING)
    await backend.remove("x1")
    assert children_of_the_family(settings) == []


async def test_removed_while_it_starts_nothing_stays(backend: LocalBackend, settings: LocalSettings) -> None:
    for turns in range(12):
        await backend.apply(order("x1", template(), 2))
        for _ in range(turns * 3):
            await asyncio.sleep(0)
        await backend.remove("x1")
        assert await backend.instances() == []
        assert children_of_the_family(settings) == []


async def test_the_service_s_tokens_do_not_reach_instances(
    backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", SECRET)
    monkeypatch.setenv("ZOE_SECRET", SECRET)
    monkeypatch.setenv("SOME_PASSWORD", SECRET)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    script = "import os, time; print(*sorted(os.environ.items()), 'end', sep='\\n', flush=True); time.sleep(1000)"
    await backend.apply(order("x1", template(script, environment={"GREETING": "hello ${self.ordinal}"})))
    said = await until_log(backend, "end")
    assert SECRET not in said
    assert "('GREETING', 'hello 0')" in said
    assert "('LC_ALL', 'C.UTF-8')" in said
    assert "('HTTPS_PROXY', 'http://proxy.example:3128')" in said
    assert "scratch/tmp')" in said


async def test_secrets_are_on_no_command_line_and_in_private_files_only(
    backend: LocalBackend, settings: LocalSettings
) -> None:
    process = template(
        SLEEP, environment={"TOKEN": SECRET}, files=(File(path="auth.conf", content=f"secret = {SECRET}"),)
    )
    await backend.apply(order("x1", process))
    await until_state(backend, "x1", I.READY)
    (pid,) = marked("x1", settings.folder)
    assert SECRET not in command_line(pid)
    assert SECRET not in command_line(parent(pid))
    paths = [settings.folder, *settings.folder.rglob("*")]
    assert sum(path.is_file() and SECRET in path.read_text() for path in paths) > 0
    for path in paths:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


async def test_the_last_words_hide_secrets(backend: LocalBackend) -> None:
    script = "print(open('auth.conf').read()); print('cannot go on'); raise SystemExit(1)"
    files = (File(path="auth.conf", content=f"secret = {SECRET}\nspark.a.long.property.name.that.is.no.secret=1"),)
    await backend.apply(order("x1", template(script, files=files, restart=Restart(limit=0))))
    status = await until_state(backend, "x1", I.FAILED)
    assert "cannot go on" in status.message
    assert "spark.a.long.property.name.that.is.no.secret" in status.message
    assert SECRET not in status.message


async def test_ports_are_real_and_kept_when_it_is_restarted(backend: LocalBackend, settings: LocalSettings) -> None:
    await backend.apply(order("x1", server(), 2))
    before = [await until_state(backend, "x1", I.READY, ordinal) for ordinal in range(2)]
    assert before[0].ports != before[1].ports
    for status in before:
        assert status.host is not None
        _, writer = await asyncio.open_connection(status.host, status.ports["web"])
        writer.close()
    for pid in marked("x1", settings.folder):
        if str(before[0].ports["web"]) in command_line(pid).split():
            os.kill(pid, 9)
    assert (await until_restarted(backend, "x1")).ports == before[0].ports


async def test_ports_of_many_instances_differ(backend: LocalBackend) -> None:
    ports = tuple(Port(name=f"p{number}") for number in range(5))
    await backend.apply(order("x1", template(ports=ports), 4))
    await backend.apply(order("x2", template(ports=ports), 4))
    for execution in ("x1", "x2"):
        for ordinal in range(4):
            await until_state(backend, execution, I.READY, ordinal)
    numbers = [number for status in await backend.instances() for number in status.ports.values()]
    assert len(set(numbers)) == len(numbers) == 40


async def test_removing_deletes_the_scratch_folder_and_keeps_the_log(
    backend: LocalBackend, settings: LocalSettings
) -> None:
    await backend.apply(order("x1", template("print('hello', flush=True); " + SLEEP)))
    await until_log(backend, "hello")
    await backend.remove("x1")
    assert {path.name for path in settings.folder.rglob("*") if path.is_file()} == {"0.alive", "test.worker-0.log"}
    await backend.forget("x1")
    assert [path.name for path in settings.folder.rglob("*") if path.is_file()] == ["0.alive"]


async def test_temporary_files_go_with_each_run_and_the_rest_of_the_folder_stays(
    backend: LocalBackend, settings: LocalSettings
) -> None:
    script = """
import os, sys, time
first = not os.path.exists("kept")
open("kept", "a").close()
print("first" if first else "second", os.listdir(os.environ["TMPDIR"]), flush=True)
open(os.environ["TMPDIR"] + "/huge", "w").close()
sys.exit(1) if first else time.sleep(1000)
"""
    await backend.apply(order("x1", template(script)))
    assert "second []" in await until_log(backend, "second [")


async def test_a_program_that_may_not_be_executed_is_named(backend: LocalBackend, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    await backend.apply(order("x1", template(command=(str(program),))))
    status = await until_state(backend, "x1", I.FAILED)
    assert f"the program {program} may not be executed" in status.message


async def test_a_reference_that_nobody_knows_is_said(backend: LocalBackend) -> None:
    await backend.apply(order("x1", template(command=("${python}", "${no.such}"))))
    status = await until_state(backend, "x1", I.FAILED)
    assert "unknown reference ${no.such}" in status.message


async def test_a_signal_that_nobody_knows_is_said(backend: LocalBackend) -> None:
    await backend.apply(order("x1", template(shutdown=Shutdown(signal="SIGNONE"))))
    assert "no signal SIGNONE" in (await until_state(backend, "x1", I.FAILED)).message


async def test_files_that_cannot_be_written_are_said(backend: LocalBackend, settings: LocalSettings) -> None:
    (settings.folder / "logs").write_text("in the way")
    await backend.apply(order("x1", template(restart=Restart(limit=0))))
    status = await until_state(backend, "x1", I.FAILED)
    assert "could not be started" in status.message
    (settings.folder / "logs").unlink()


async def test_identifiers_cannot_leave_the_folder(backend: LocalBackend) -> None:
    for execution in ("../x", "", ".", "a/b"):
        with pytest.raises(InvalidRequest):
            await backend.apply(order(execution, template()))
        with pytest.raises(InvalidRequest):
            await backend.remove(execution)


async def test_an_instance_is_watched_again_after_a_failure_to_look(
    backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoe_hub.backends.ordered._LOOK_AGAIN", 0.01)
    attempts = 0
    ended = LocalInstance.ended

    async def sometimes(instance: LocalInstance) -> End:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise OSError(24, "Too many open files")
        return await ended(instance)

    monkeypatch.setattr(LocalInstance, "ended", sometimes)
    await backend.apply(order("x1", template("raise SystemExit(9)", restart=Restart(limit=0))))
    status = await until_state(backend, "x1", I.FAILED)
    assert (status.exit_code, status.restarts) == (9, 0)


async def test_signals_that_the_service_ignores_are_heard_by_instances(backend: LocalBackend) -> None:
    command = ("/bin/sh", "-c", "cat /proc/self/status; echo end; sleep 1000")
    await backend.apply(order("x1", template(command=command)))
    said = dict(line.split(":\t", 1) for line in (await until_log(backend, "end")).splitlines() if ":\t" in line)
    ordinary = 2**31 - 1
    assert int(said["SigIgn"], 16) & ordinary == 0
    assert int(said["SigBlk"], 16) & ordinary == 0


async def test_instances_inherit_no_open_files(backend: LocalBackend, tmp_path: Path) -> None:
    with (tmp_path / "inherited").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        await backend.apply(
            order("x1", template(command=("/bin/sh", "-c", "ls -l /proc/$$$$/fd; echo end; sleep 1000")))
        )
        said = await until_log(backend, "end")
    assert "inherited" not in said
    assert "launch" not in said


async def test_find_gives_nothing_for_what_was_never_ordered(backend: LocalBackend) -> None:
    assert await find(backend, "x1") is None


def test_the_supervisor_imports_little() -> None:
    """One is alive for every instance."""
    shim = Path(__file__).parents[3] / "zoe_hub/backends/local/shim.py"
    imported = subprocess.run(
        [sys.executable, "-I", "-S", "-E", "-X", "importtime", str(shim), "/nonexistent"],
        capture_output=True,
        text=True,
        check=False,
    ).stderr
    assert "fcntl" in imported
    for heavy in ("json", "re", "typing", "enum", "subprocess"):
        assert not any(line.split("|")[-1].strip() == heavy for line in imported.splitlines()), heavy


async def test_an_instance_whose_port_was_taken_while_it_was_down_gets_another_one(backend: LocalBackend) -> None:
    await backend.apply(order("x1", server(restart=Restart(limit=3, delay=0.3))))
    before = await until_state(backend, "x1", I.READY)
    os.kill(marked("x1", backend._settings.folder)[0], signal.SIGKILL)
    await until_state(backend, "x1", I.RESTARTING)
    with socket.create_server(("127.0.0.1", before.ports["web"])):
        after = await until_state(backend, "x1", I.READY)
    assert after.restarts == 1
    assert after.ports["web"] != before.ports["web"]


async def test_who_was_told_an_old_address_is_started_again_also_by_the_next_service(
    backend: LocalBackend, settings: LocalSettings
) -> None:
    first = replace(order("x1", template()), addresses={"head.host": "127.0.0.1", "head.port.rpc": "1"})
    await backend.apply(first)
    await until_state(backend, "x1", I.READY)
    await backend.apply(replace(first, addresses=first.addresses | {"head.port.rpc": "2", "head.port.web": "3"}))
    moved = await until_restarted(backend, "x1")
    assert moved.restarts == 1
    await backend.close()
    stored = next((settings.folder / "instances" / "x1").glob("*.order.json"))
    stored.write_text(stored.read_text().replace('"head.port.rpc":"2"', '"head.port.rpc":"4"'))
    again = LocalBackend(settings)
    await again.open()

    async def restarted() -> bool:
        (now,) = await again.instances()
        return now.restarts == 2 and now.state is I.READY

    await until(restarted, "the second restart")
    await again.close()


async def test_what_a_draining_instance_says_is_its_message(backend: LocalBackend, settings: LocalSettings) -> None:
    script = """
import os, pathlib, signal, sys, time
def leave(*_):
    pathlib.Path("note").write_text("2 tasks\\x1b[31m still read its data\\nand more")
    while not os.path.exists("go"): time.sleep(0.01)
    sys.exit(0)
signal.signal(signal.SIGUSR1, leave)
print("working", flush=True)
while True: time.sleep(1000)
"""
    process = template(script, shutdown=Shutdown(drain=Drain(signal="SIGUSR1", timeout=60, note="note")))
    await backend.apply(order("x1", process))
    await until_log(backend, "working")
    await backend.apply(order("x1", process, 0))

    async def said() -> bool:
        return [one.message for one in await backend.instances()] == ["2 tasks [31m still read its data"]

    await until(said)
    assert (await until_state(backend, "x1", I.DRAINING)).message.startswith("2 tasks")
    next(settings.folder.rglob("note")).with_name("go").touch()
    assert (await until_state(backend, "x1", I.STOPPED)).message == "it is not wanted any more"


def test_a_note_that_is_no_plain_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "elsewhere").write_text("not its own")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "long").write_text(f"token-1 {'x' * 1000}")
    assert [note.read(tmp_path / name, ()) for name in ("pipe", "link", "missing")] == ["", "", ""]
    assert "token-1" not in note.read(tmp_path / "long", ["token-1"])
    assert len(note.read(tmp_path / "long", [])) == note.LENGTH


async def test_what_lacks_something_on_the_machine_is_not_started_again(backend: LocalBackend) -> None:
    command = ("${python}", "-c", "print('Type: pip install it'); raise SystemExit(78)")
    await backend.apply(order("x1", server(command=command, restart=Restart(limit=5, delay=0.01))))
    status = await until_state(backend, "x1", I.FAILED)
    assert status.restarts == 0
    assert "something that it needs is missing" in status.message
    assert "Type: pip install it" in status.message
