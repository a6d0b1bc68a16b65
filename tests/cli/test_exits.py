from __future__ import annotations

import io
import os
import sys

import pytest

from zoe_hub.cli.exits import guarded


class Closed(io.StringIO):
    """A standard output whose reader went away before it was written."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.descriptor = descriptor

    def flush(self) -> None:
        raise BrokenPipeError

    def fileno(self) -> int:
        return self.descriptor


def test_a_short_answer_may_come_too_late_for_its_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    command = guarded(lambda: print("what waits in a buffer until the program ends"))
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Closed(writing))
        with pytest.raises(SystemExit) as ended:
            command()
    assert ended.value.code == 0
    os.close(reading)
    os.close(writing)
