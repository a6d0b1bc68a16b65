"""Errors: each has a sentence for whoever made the request."""

from __future__ import annotations

import pytest

from zoe_hub.model import errors
from zoe_hub.model.errors import InvalidDocument, InvalidParameter, UnknownName, ZoeError


def test_all_are_drawn_in_the_tree() -> None:
    named = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, ZoeError)}
    assert errors.__doc__ is not None
    assert {name for name in named if name not in errors.__doc__} == set()


def test_invalid_document_says_where() -> None:
    assert str(InvalidDocument("no name")) == "no name"
    assert str(InvalidDocument("no name", path="a.yaml")) == "a.yaml: no name"
    error = InvalidDocument("no name", path="a.yaml", line=3)
    assert str(error) == "a.yaml:3: no name"
    assert (error.reason, error.path, error.line) == ("no name", "a.yaml", 3)


def test_invalid_parameter_says_which() -> None:
    error = InvalidParameter("workers", "9 is out of bounds")
    assert str(error) == "workers: 9 is out of bounds"
    assert (error.parameter, error.reason) == ("workers", "9 is out of bounds")


@pytest.mark.parametrize(
    ("known", "hint"),
    [
        (["spark", "dask"], " Did you mean 'spark'?"),
        (["zebra", "dask"], " There are: dask, zebra."),
        ([f"zebra-{n}" for n in range(20)], ""),
        ([], ""),
    ],
)
def test_unknown_name_proposes(known: list[str], hint: str) -> None:
    assert str(UnknownName("ZApp", "sprak", known)) == f"There is no ZApp named 'sprak'.{hint}"
