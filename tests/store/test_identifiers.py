"""Identifiers sort by time; names take the lowest free number."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from zoe_hub.model.base import Name
from zoe_hub.store.identifiers import Identifiers, free_name


def test_identifiers_of_one_maker_are_in_order() -> None:
    maker = Identifiers()
    made = [maker.new() for _ in range(5000)]
    assert sorted(set(made)) == made
    assert all(re.fullmatch("x[0-9a-z]{25}", identifier) for identifier in made)


def test_identifiers_made_in_threads_differ() -> None:
    maker = Identifiers()
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: maker.new(), range(2000)))
    assert len({identifier[:12] for identifier in made}) == 2000


def test_two_makers_do_not_make_the_same() -> None:
    made = [maker.new() for maker in (Identifiers(), Identifiers()) for _ in range(100)]
    assert len({identifier[12:] for identifier in made}) == 200


@pytest.mark.parametrize(
    ("taken", "name"),
    [(set(), "spark-1"), ({"spark-1", "spark-2"}, "spark-3"), ({"spark-2"}, "spark-1"), ({"spark"}, "spark-1")],
)
def test_free_name(taken: set[str], name: str) -> None:
    assert free_name("spark", taken) == name


@given(st.from_regex(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True), st.integers(0, 12))
def test_free_names_are_legal(base: str, count: int) -> None:
    taken: set[str] = set()
    for _ in range(count + 1):
        name = free_name(base, taken)
        assert name not in taken
        TypeAdapter(Name).validate_python(name)
        taken.add(name)
