"""What is done again and again: which failures it outlasts, and which it does not."""

from __future__ import annotations

import logging

import pytest

from zoe_hub.controller.patience import repeatedly
from zoe_hub.model.errors import Conflict, ServiceUnavailable, StaleLease


class Failing:
    """Work that fails in all the given ways, one after another."""

    def __init__(self, *failures: Exception) -> None:
        self._failures = list(failures)
        self.turns = 0

    async def __call__(self) -> None:
        self.turns += 1
        raise self._failures.pop(0)


async def test_what_fails_is_tried_again_until_another_leads(caplog: pytest.LogCaptureFixture) -> None:
    work = Failing(ServiceUnavailable("the database restarts"), OSError(28, "full"), Conflict("no"), StaleLease("5"))
    with caplog.at_level(logging.WARNING), pytest.raises(StaleLease):
        await repeatedly(work, "Nothing is swept", every=0)
    assert work.turns == 4
    told = [record.getMessage() for record in caplog.records]
    assert told[0] == "Nothing is swept: the database restarts"
    assert told[1:] == ["Nothing is swept; it is tried again"] * 2


async def test_what_nobody_foresaw_ends_it() -> None:
    work = Failing(KeyError("x"))
    with pytest.raises(KeyError):
        await repeatedly(work, "Nothing is swept", every=0)
    assert work.turns == 1
