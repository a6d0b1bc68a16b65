"""References: a user's value never becomes one, and binding in steps is binding at once."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zoe_hub.model.errors import InvalidDocument
from zoe_hub.model.references import bind, escape, names

tricky = st.text(st.sampled_from("$${}abc."), max_size=20) | st.text(max_size=20)
values = st.dictionaries(st.sampled_from(["a", "b", "c", "a.b", ""]), tricky, max_size=4)


def test_bind() -> None:
    assert bind("x ${a} y ${b.c}", {"a": "1", "b.c": "2"}) == "x 1 y 2"


def test_literal_dollar_signs() -> None:
    assert bind("$$ $5 $ $${a} $$${a}", {"a": "1"}) == "$ $5 $ ${a} $1"


def test_names() -> None:
    assert names("${a} $${b} $$${c} ${d.e} $f ${unclosed ${a}") == {"a", "c", "d.e"}


def test_unknown_reference_is_named() -> None:
    with pytest.raises(InvalidDocument, match=r"\$\{secret\.aut\}"):
        bind("${secret.aut}", {"secret.auth": "s3cret"})


def test_error_tells_no_values() -> None:
    with pytest.raises(InvalidDocument) as caught:
        bind("${secret.auth} ${nothing}", {"secret.auth": "s3cret"})
    assert "s3cret" not in str(caught.value)


def test_values_are_not_looked_into() -> None:
    assert bind("${a}", {"a": "${b} $$", "b": "no"}) == "${b} $$"


@given(tricky, values)
def test_escaped_text_comes_back_unchanged(text: str, known: dict[str, str]) -> None:
    assert names(escape(text)) == frozenset()
    assert bind(escape(text), known) == text
    assert bind(bind(escape(text), known, partial=True), known) == text


@given(tricky, values, values)
@example("${x${a}", {"a": "}"}, {"x": "taken for a reference"})
def test_binding_in_steps_is_binding_at_once(text: str, first: dict[str, str], second: dict[str, str]) -> None:
    rest = dict.fromkeys(names(text), "rest")
    once = bind(text, rest | second | first)
    assert bind(bind(text, first, partial=True), rest | second) == once
    both = bind(bind(text, first, partial=True), second, partial=True)
    assert bind(both, rest) == once


@given(tricky, values)
def test_partial_binding_keeps_the_unknown(text: str, known: dict[str, str]) -> None:
    assert names(bind(text, known, partial=True)) == names(text) - known.keys()
