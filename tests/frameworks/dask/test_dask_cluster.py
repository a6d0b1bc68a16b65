"""What a user notices of a Dask cluster: results, scaling, deaths, and that nobody else gets in."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest
from distributed import Client, Security

from .dask_cluster import Cluster, Instance, free_port, make_certificate, plan, wait_until

pytestmark = pytest.mark.dask


@pytest.fixture
def client(cluster: Cluster, kernel: ModuleType) -> Iterator[Client]:
    names = kernel.connect(cluster.connection)
    yield names["client"]
    kernel.disconnect(names)


def workers_of(client: Client) -> int:
    return len(client.scheduler_info(n_workers=-1)["workers"])


def test_a_dataframe_is_computed_as_pandas_does(client: Client) -> None:
    pandas = pytest.importorskip("pandas")
    frames = pytest.importorskip("dask.dataframe")
    table = pandas.DataFrame({"carrier": ["AA", "UA", "AA", "DL"] * 50, "delay": range(200)})

    computed = frames.from_pandas(table, npartitions=4).groupby("carrier").delay.mean().compute()

    assert computed.sort_index().to_dict() == table.groupby("carrier").delay.mean().to_dict()


@pytest.fixture
def early(tmp_path: Path) -> Iterator[tuple[Instance, Callable[[], Instance]]]:
    """A worker that was started before its scheduler, and a function that starts that."""
    processes = plan(workers=1, memory="512 MiB")
    certificate, key = make_certificate()
    ports = {port.name: free_port() for port in processes.process("dask.scheduler").ports}
    shared = {"certificate.tls": certificate, "key.tls": key, "secret.ui": "x", "scheduler.host": "127.0.0.1"}
    shared.update({f"scheduler.port.{name}": str(port) for name, port in ports.items()})
    started = [Instance(processes.process("dask.worker"), 0, tmp_path, shared)]

    def scheduler() -> Instance:
        started.append(Instance(processes.process("dask.scheduler"), 0, tmp_path, shared, ports))
        return started[-1]

    yield started[0], scheduler
    for instance in started:
        instance.kill()


def waits(worker: Instance) -> bool:
    """Whether it has loaded what it needs, by which time it knows what to do with signals."""
    caught = next(
        line for line in Path(f"/proc/{worker.popen.pid}/status").read_text().splitlines() if "SigCgt" in line
    )
    return bool(int(caught.split()[1], 16) >> (signal.SIGPWR - 1) & 1)


def test_a_worker_that_starts_before_its_scheduler_joins_as_soon_as_that_is_there(
    early: tuple[Instance, Callable[[], Instance]],
) -> None:
    worker, start_scheduler = early
    wait_until(lambda: waits(worker))
    # Dask itself would by now ask every ten seconds or so.
    time.sleep(8)
    assert not worker.ready
    scheduler = start_scheduler()
    wait_until(lambda: scheduler.ready)
    begin = time.monotonic()
    wait_until(lambda: worker.ready)
    assert time.monotonic() - begin < 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGPWR])
def test_a_worker_that_waits_for_its_scheduler_ends_when_it_is_told(
    early: tuple[Instance, Callable[[], Instance]], number: signal.Signals
) -> None:
    worker, _ = early
    wait_until(lambda: waits(worker))
    worker.send(number)
    assert worker.popen.wait(timeout=5) == 0


def test_new_workers_take_part_in_a_computation_that_runs(cluster: Cluster, client: Client) -> None:
    def who(_: int) -> str:
        from distributed import get_worker

        time.sleep(0.1)
        return str(get_worker().address)

    # More than two workers could do while a busy machine starts the third.
    futures = client.map(who, range(2000), pure=False)
    cluster.add_worker()

    wait_until(lambda: len(set(client.gather([each for each in futures if each.status == "finished"]))) == 3)
    client.cancel(futures)


def test_scaling_down_keeps_data_and_runs_nothing_twice(cluster: Cluster, client: Client, tmp_path: Path) -> None:
    witness = tmp_path / "runs"
    witness.mkdir()

    def work(number: int) -> int:
        import uuid

        (witness / f"{number}-{uuid.uuid4()}").touch()
        time.sleep(0.3)
        return number

    # Scattered data has no recipe: what the leaving worker does not hand over is lost.
    data = client.scatter(list(range(100)), broadcast=False)
    futures = client.map(work, range(10))
    leaving = cluster.workers[1]
    wait_until(lambda: len(list(witness.iterdir())) >= 2)

    leaving.send(signal.SIGPWR)

    assert client.gather(futures) == list(range(10))
    wait_until(lambda: leaving.popen.poll() is not None)
    assert leaving.popen.returncode == 0
    assert client.gather(data) == list(range(100))
    assert sorted(int(run.name.split("-")[0]) for run in witness.iterdir()) == list(range(10))
    wait_until(lambda: workers_of(client) == 1)


def test_the_last_worker_leaves_too_and_the_next_one_goes_on(cluster: Cluster, client: Client) -> None:
    for worker in cluster.workers:
        worker.send(signal.SIGPWR)
    wait_until(lambda: all(worker.popen.poll() is not None for worker in cluster.workers))
    future = client.submit(sum, [1, 2, 3])
    cluster.add_worker()

    assert future.result(timeout=60) == 6


def test_a_killed_worker_costs_time_only(cluster: Cluster, client: Client) -> None:
    def slow(number: int) -> int:
        time.sleep(0.1)
        return number * number

    futures = client.map(slow, range(40))
    wait_until(lambda: any(future.done() for future in futures))
    cluster.workers[0].kill()

    assert client.gather(futures) == [number * number for number in range(40)]


def test_a_worker_that_needs_too_much_memory_ends_and_says_why(cluster: Cluster, client: Client) -> None:
    def greedy() -> int:
        held = bytearray(b"x") * (600 << 20)
        time.sleep(60)
        return len(held)

    future = client.submit(greedy)
    wait_until(lambda: any(worker.popen.poll() is not None for worker in cluster.workers))
    ended = next(worker for worker in cluster.workers if worker.popen.poll() is not None)
    future.cancel()

    assert ended.popen.returncode == 1
    assert "the worker reached 95% of its memory, which is 512 MiB" in ended.log.read_text()


def test_termination_does_not_wait_for_tasks(cluster: Cluster, client: Client) -> None:
    endless = client.map(time.sleep, [600, 601])
    wait_until(lambda: sum(len(tasks) for tasks in client.processing().values()) == 2)
    for instance in cluster.instances:
        instance.send(signal.SIGTERM)
    wait_until(lambda: all(instance.popen.poll() is not None for instance in cluster.instances), timeout=20)

    assert [instance.popen.returncode for instance in cluster.instances] == [0, 0, 0]
    del endless


@pytest.mark.parametrize("protocol", ["tls", "tcp"])
def test_who_lacks_the_certificate_is_refused(shared: Cluster, protocol: str) -> None:
    certificate, key = make_certificate()
    address = shared.connection["address"].replace("tls", protocol)
    security = Security(tls_ca_file=certificate, tls_client_cert=certificate, tls_client_key=key)

    with pytest.raises(OSError, match=r"(?i)certificate|timed out|closed"):
        Client(address, security=security if protocol == "tls" else None, timeout=2)


def test_who_trusts_anybody_but_has_no_certificate_is_refused(shared: Cluster) -> None:
    import socket
    import ssl

    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for port in (shared.scheduler.ports["rpc"], shared.workers[0].ports["rpc"]):
        plain = socket.create_connection(("127.0.0.1", port), timeout=10)
        # In TLS 1.3 the server's refusal arrives with the first read.
        with context.wrap_socket(plain) as wrapped, pytest.raises(ssl.SSLError, match="certificate required"):
            wrapped.recv(1)


def listening(pid: int) -> set[tuple[str, int]]:
    found = psutil.Process(pid).net_connections(kind="tcp")
    return {(c.laddr.ip, c.laddr.port) for c in found if c.status == psutil.CONN_LISTEN}


def test_it_listens_on_its_declared_ports_on_loopback_only(shared: Cluster) -> None:
    for instance in shared.instances:
        assert listening(instance.popen.pid) == {("127.0.0.1", port) for port in instance.ports.values()}


def test_secrets_are_on_no_command_line_in_no_environment_and_in_no_log(shared: Cluster, kernel: ModuleType) -> None:
    names = kernel.connect(shared.connection)
    names["client"].submit(sum, [1]).result()
    kernel.disconnect(names)
    secret = [shared.token, shared.key.splitlines()[1]]
    for instance in shared.instances:
        process = psutil.Process(instance.popen.pid)
        seen = " ".join([*process.cmdline(), *process.environ().values(), instance.log.read_text()])
        assert not [value for value in secret if value in seen]


def test_a_probe_leaves_nothing_in_the_log(shared: Cluster) -> None:
    assert "EOF" not in shared.scheduler.log.read_text()


def test_nothing_is_left_outside_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel: ModuleType
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setenv("TMPDIR", str(elsewhere))
    monkeypatch.setenv("HOME", str(elsewhere))
    cluster = Cluster(tmp_path / "cluster", workers=1, memory="512 MiB")
    try:
        names: dict[str, Any] = kernel.connect(cluster.connection)
        assert names["client"].submit(sum, [1, 2]).result() == 3
        kernel.disconnect(names)
        pids = [instance.popen.pid for instance in cluster.instances]
    finally:
        cluster.close()

    assert os.listdir(elsewhere) == []
    assert not any(psutil.pid_exists(pid) for pid in pids)
