"""Who mistyped a name is told which may be meant, at a bounded cost."""

from __future__ import annotations

from difflib import SequenceMatcher
from itertools import islice, product

import pytest

from zoe_hub.model.nearest import nearest


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("wrokers", "workers"),
        ("Workers", "workers"),
        ("memry", "memory"),
        ("zebra", None),
        ("", None),
        ("w" * 64, None),
    ],
)
def test_the_one_that_is_most_like_it(word: str, meant: str | None) -> None:
    assert nearest(word, ["memory", "motto", "workers"]) == meant


def test_what_is_alike_is_not_compared_with_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand names that users made alike took three seconds, in which nobody was answered."""
    compared = 0
    ratio = SequenceMatcher.ratio

    def counted(self: SequenceMatcher[str]) -> float:
        nonlocal compared
        compared += 1
        return ratio(self)

    monkeypatch.setattr(SequenceMatcher, "ratio", counted)
    names = ["a" * 40 + "".join(letters) + "a" * 18 for letters in islice(product("abcd", repeat=5), 1000)]
    assert nearest("a" * 63, names) == names[0]
    assert 0 < compared <= 8
    assert nearest("a" * 100_000, names) is None
    assert compared <= 8
