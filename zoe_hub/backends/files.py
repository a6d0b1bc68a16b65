"""What a back end that keeps instances by itself writes down, and where.

::

    terms/N, terms/N.alive                        who may write: see `terms`
    instances/EXECUTION/PROCESS.order.json        the last order (0600: it holds secrets)
    instances/EXECUTION/PROCESS-ORDINAL/record.json
                                       /scratch/  the working folder: ``${self.folder}``
                                       /run-N/    the N-th start: see `run`
    logs/EXECUTION/PROCESS-ORDINAL.log

All folders are 0700 and all files 0600. The service writes through the link of its term; programs are
given paths without it, which stay good when another service takes over.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ..model.errors import InvalidRequest
from ..model.plan import ProcessPlan
from .base import Order
from .replicas import Replica

_EXECUTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_PROCESS = re.compile(r"[a-z][a-z0-9-]{0,62}\.[a-z_][a-z0-9_]{0,62}")
_INSTANCE = re.compile(rf"({_PROCESS.pattern})-(\d{{1,9}})")
_ORDER = ".order.json"


@dataclass
class Record:
    """What must be known of an instance after the service was gone. Holds no secret."""

    replica: Replica
    run: int = 0
    """Number of its last start; 0: it was never started."""
    token: str = ""
    """Random; in the environment of everything that the last start left behind. On a swarm, what is asked of a run
    comes with it."""
    ports: dict[str, int] = field(default_factory=dict)
    host: str = ""
    """Where it has an address of its own."""
    devices: list[str] = field(default_factory=list)
    """Graphics processors that it was given, where the engine tells them apart."""
    addresses: dict[str, str] = field(default_factory=dict)
    """Of other processes, as its last start was told of them."""
    started: datetime | None = None


@dataclass(frozen=True)
class _StoredOrder:
    execution: str
    owner: str
    template: ProcessPlan
    replicas: int
    addresses: dict[str, str] = field(default_factory=dict)


_RECORD = TypeAdapter(Record)
_STORED_ORDER = TypeAdapter(_StoredOrder)


def write_atomically(path: Path, content: str | bytes) -> None:
    """The whole file, readable by its owner only, or nothing."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    data = content.encode(errors="surrogateescape") if isinstance(content, str) else content
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(data)
    temporary.replace(path)


def make_folder(path: Path) -> None:
    """Make it, and all above it that are missing, for its owner only."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


@dataclass(frozen=True)
class InstanceFolder:
    """The places of one instance, as the service reaches them."""

    path: Path
    log: Path
    for_program: Path
    """`scratch` as its program knows it."""
    log_for_program: Path

    @property
    def scratch(self) -> Path:
        return self.path / "scratch"

    def run(self, number: int) -> Path:
        return self.path / f"run-{number}"

    def save(self, record: Record) -> None:
        make_folder(self.path)
        write_atomically(self.path / "record.json", _RECORD.dump_json(record))

    def load(self) -> Record | None:
        """None when there is none, or none that can be read."""
        try:
            return _RECORD.validate_json((self.path / "record.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def last_run(self) -> int:
        """The highest number of a start that left a folder; 0 when there is none."""
        return max((int(path.name[4:]) for path in self.path.glob("run-*") if path.name[4:].isdigit()), default=0)


@dataclass(frozen=True)
class Layout:
    """All places below one folder. `way` leads there for as long as the service may write; to read, it is `folder`."""

    folder: Path
    way: Path

    def execution(self, execution: str) -> Path:
        """Where its instances are. Raises InvalidRequest for a name that is none of a folder."""
        if not _EXECUTION.fullmatch(execution):
            raise InvalidRequest(f"{execution!r} cannot be the identifier of an execution")
        return self.way / "instances" / execution

    def logs(self, execution: str) -> Path:
        """Where its logs are. Raises InvalidRequest as `execution`."""
        return self.way / "logs" / self.execution(execution).name

    def instance(self, execution: str, process: str, ordinal: int) -> InstanceFolder:
        """Raises InvalidRequest for names that are none of a folder."""
        if not _PROCESS.fullmatch(process):
            raise InvalidRequest(f"{process!r} cannot be the key of a process")
        name = f"{process}-{ordinal}"
        path, log = self.execution(execution) / name, self.logs(execution) / f"{name}.log"
        return InstanceFolder(path, log, self._of_program(path / "scratch"), self._of_program(log))

    def _of_program(self, path: Path) -> Path:
        return self.folder / path.relative_to(self.way)

    def executions(self) -> Iterator[str]:
        """The identifiers of all that have a folder."""
        folder = self.way / "instances"
        if folder.is_dir():
            for path in folder.iterdir():
                if path.is_dir() and _EXECUTION.fullmatch(path.name):
                    yield path.name

    def instances(self, execution: str) -> Iterator[tuple[str, int]]:
        """Process and ordinal of all instances that have a folder."""
        for path in self.execution(execution).iterdir():
            match = _INSTANCE.fullmatch(path.name)
            if match and path.is_dir():
                yield match[1], int(match[2])

    def save_order(self, order: Order) -> None:
        make_folder(self.execution(order.execution))
        stored = _StoredOrder(order.execution, order.owner, order.template, order.replicas, dict(order.addresses))
        path = self.execution(order.execution) / f"{order.template.key}{_ORDER}"
        write_atomically(path, _STORED_ORDER.dump_json(stored))

    def load_orders(self, execution: str) -> Iterator[Order]:
        """The last order of each process; those that cannot be read any more are left out."""
        for path in self.execution(execution).glob(f"*{_ORDER}"):
            try:
                stored = _STORED_ORDER.validate_json(path.read_bytes())
            except ValidationError:
                continue
            yield Order(stored.execution, stored.owner, stored.template, stored.replicas, stored.addresses)

    def is_over(self, execution: str, process: str, ordinal: int) -> bool | None:
        """Whether an instance has ended, as far as is written down; None when there is no trace of it."""
        folder = self.instance(execution, process, ordinal)
        record = folder.load()
        if record is not None:
            return record.replica.state.ended
        ordered = any(o.template.key == process and ordinal < o.replicas for o in self.load_orders(execution))
        if ordered or folder.path.is_dir():
            return False
        return True if folder.log.exists() else None

    def drop_orders(self, execution: str) -> None:
        """From here on a restarted service starts nothing of this execution."""
        for path in self.execution(execution).glob(f"*{_ORDER}"):
            path.unlink(missing_ok=True)
