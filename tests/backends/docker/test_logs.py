"""Logs of several runs as one; what an engine would say is said by a fake of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from zoe_hub.backends.docker.logs import LogReader, runs_of
from zoe_hub.backends.docker.names import RunKey, container_labels, make_installation
from zoe_hub.backends.files import Layout, make_folder


class OneContainer:
    """An engine that runs the third run of an instance, which has written these lines."""

    def __init__(self, labels: dict[str, str], lines: list[bytes]) -> None:
        self.labels = labels
        self.lines = lines

    async def containers(self, labels: Sequence[str]) -> list[dict[str, Any]]:
        return [{"Id": "c", "Labels": self.labels, "State": "running"}]

    async def log(self, container: str, *, follow: bool = False, tail: int | None = None) -> AsyncIterator[bytes]:
        for line in self.lines if tail is None else self.lines[len(self.lines) - min(tail, len(self.lines)) :]:
            yield line


@pytest.fixture
def reader(tmp_path: Path) -> LogReader:
    installation = make_installation(tmp_path)
    folder = Layout(tmp_path, tmp_path).instance("x1", "toy.head", 0)
    make_folder(runs_of(folder))
    (runs_of(folder) / "1.log").write_bytes(b"1a\n1b\n1c\n")
    (runs_of(folder) / "2.log").write_bytes(b"2a\n2b")
    labels = container_labels(installation, RunKey("x1", "toy.head", 0, 3), "alice", 1)
    return LogReader(OneContainer(labels, [b"3a\n", b"3", b"b\n"]), tmp_path)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tail", "seen"),
    [
        (None, b"1a\n1b\n1c\n2a\n2b3a\n3b\n"),
        (100, b"1a\n1b\n1c\n2a\n2b3a\n3b\n"),
        (5, b"1c\n2a\n2b3a\n3b\n"),
        (3, b"2b3a\n3b\n"),
    ],
)
async def test_the_last_lines_are_those_of_all_runs_together(reader: LogReader, tail: int | None, seen: bytes) -> None:
    """The present one is asked twice, and nothing is held meanwhile."""
    found = b"".join([chunk async for chunk in reader.read("x1", "toy.head", 0, follow=False, tail=tail)])
    assert found == seen
