"""Parameters: values of every origin end in the right type or in a sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from zoe_hub.model.errors import InvalidParameter
from zoe_hub.model.parameters import Parameter, ParameterType


def parameter(kind: str = "string", **fields: Any) -> Parameter:
    return Parameter.model_validate({"name": "workers", "type": kind} | fields)


def refusal(kind: str, value: object, **fields: Any) -> str:
    with pytest.raises(InvalidParameter) as caught:
        parameter(kind, **fields).check(value)
    assert caught.value.parameter == "workers"
    assert str(caught.value) == f"workers: {caught.value.reason}"
    return caught.value.reason


@pytest.mark.parametrize(
    ("kind", "given_", "typed"),
    [
        ("integer", "4", 4),
        ("integer", " 4 ", 4),
        ("integer", 4.0, 4),
        ("integer", -3, -3),
        ("number", "1.5", 1.5),
        ("number", 2, 2.0),
        ("number", "1e3", 1000.0),
        ("boolean", True, True),
        ("boolean", "on", True),
        ("boolean", "False", False),
        ("boolean", 0, False),
        ("string", "", ""),
        ("string", "naïve ☃", "naïve ☃"),
        ("memory", "8 GiB", 8 * 2**30),
        ("memory", 1024, 1024),
    ],
)
def test_value_in_its_type(kind: str, given_: object, typed: object) -> None:
    checked = parameter(kind).check(given_)
    assert checked == typed
    assert type(checked) is type(typed)


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("integer", "four", "'four' is no whole number"),
        ("integer", 1.5, "1.5 is no whole number"),
        ("integer", True, "True is no whole number"),
        ("integer", None, "None is no whole number"),
        ("integer", [4], "[4] is no whole number"),
        ("integer", float("nan"), "nan is no whole number"),
        ("integer", float("inf"), "inf is no whole number"),
        ("integer", 2**63, "a whole number must lie between -2^63 and 2^63"),
        ("number", "many", "'many' is no number"),
        ("number", "nan", "a number must be finite"),
        ("number", float("-inf"), "a number must be finite"),
        ("number", 10**400, "a number must be finite"),
        ("number", False, "False is no number"),
        ("boolean", "maybe", "'maybe' is neither true nor false"),
        ("boolean", 2, "2 is neither true nor false"),
        ("string", 4, "4 is no text"),
        ("string", None, "None is no text"),
        ("string", "a\nb", "the text holds a control character, such as a line break"),
        ("string", "a\x00", "the text holds a control character, such as a line break"),
        ("string", json.loads('"\\ud800"'), "the text holds half of a character (a surrogate)"),
        ("string", "a" * 4097, "the text is longer than 4096 characters"),
        ("memory", True, "an amount of memory is a number with a unit, such as 8 GiB"),
        ("memory", -1, "-1 is no amount of memory; it must be finite and not negative"),
        ("memory", "lots", "'lots' is no amount of memory; write a number and a unit, such as 512 MiB or 8 GiB"),
    ],
)
def test_wrong_type_is_named(kind: str, value: object, reason: str) -> None:
    assert refusal(kind, value) == reason


@pytest.mark.parametrize(
    ("bounds", "value", "reason"),
    [
        ({"minimum": 1, "maximum": 8}, 9, "9 is out of bounds: from 1 to 8"),
        ({"minimum": 1}, 0, "0 is out of bounds: at least 1"),
        ({"maximum": 8}, "9", "9 is out of bounds: at most 8"),
    ],
)
def test_bounds(bounds: dict[str, int], value: object, reason: str) -> None:
    assert refusal("integer", value, **bounds) == reason


def test_bounds_belong_to_the_range() -> None:
    bounded = parameter("integer", minimum=1, maximum=8)
    assert [bounded.check(value) for value in (1, 8)] == [1, 8]


def test_bounds_of_memory_have_units() -> None:
    assert refusal("memory", "16 GiB", maximum="8 GiB") == "16 GiB is out of bounds: at most 8 GiB"
    assert parameter("memory", maximum="8 GiB").check("8192 MiB") == 8 * 2**30


def test_pattern_must_match_the_whole_text() -> None:
    assert parameter(pattern="[a-z]+").check("abc") == "abc"
    assert refusal("string", "abc1", pattern="[a-z]+") == "'abc1' does not match [a-z]+"


def test_choices() -> None:
    assert parameter("integer", choices=[1, 2, 4]).check("2") == 2
    assert refusal("string", "huge", choices=["small", "large"]) == "'huge' is none of the choices: 'small', 'large'"
    assert refusal("memory", "3 GiB", choices=["1 GiB", "2 GiB"]) == "3 GiB is none of the choices: 1 GiB, 2 GiB"


def test_a_long_value_is_not_repeated_whole() -> None:
    assert len(refusal("integer", "9x" * 2000)) < 120
    assert len(refusal("string", "9" * 4000, pattern="[a-z]+")) < 120


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"type": "integer", "default": 9, "maximum": 8}, "the default is refused by the bounds"),
        ({"type": "integer", "default": "many"}, "the default is refused by the bounds"),
        ({"type": "integer", "minimum": "few"}, "a bound is of the wrong type"),
        ({"type": "integer", "minimum": 9, "maximum": 8}, "the minimum, 9, is above the maximum, 8"),
        ({"type": "integer", "choices": [1, "two"]}, "the choice is refused by the bounds"),
        ({"type": "integer", "choices": [1, 9], "maximum": 8}, "the choice is refused by the bounds"),
        ({"type": "string", "default": "c", "choices": ["a", "b"]}, "the default is refused by the bounds"),
        ({"type": "string", "minimum": 1}, "minimum has no meaning for a string"),
        ({"type": "boolean", "maximum": 1}, "maximum has no meaning for a boolean"),
        ({"pattern": "("}, "the pattern '\\(' is no regular expression"),
        ({"pattern": "a{99999999999999999999}"}, "is no regular expression"),
        ({"type": "integer", "choices": list(range(100_000))}, "at most 200 items"),
        ({"name": "Not a name"}, "name"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_inconsistent_parameter_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Parameter.model_validate({"name": "workers"} | fields)


def test_title() -> None:
    assert parameter().title == "Workers"
    assert Parameter(name="worker_memory").title == "Worker memory"
    assert Parameter(name="workers", label="How many").title == "How many"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(list(ParameterType)), json_values)
def test_any_value_is_taken_or_refused_with_a_sentence(kind: ParameterType, value: object) -> None:
    bounds = {} if kind in (ParameterType.BOOLEAN, ParameterType.STRING) else {"minimum": 0, "maximum": 10**6}
    checked_by = parameter(kind.value, **bounds)
    reason, typed = "taken", None
    try:
        typed = checked_by.check(value)
    except InvalidParameter as error:
        reason = error.reason
    assert 0 < len(reason) < 300
    if typed is not None:
        assert checked_by.check(typed) == typed
        assert json.loads(json.dumps(typed)) == typed


@given(st.integers(-1000, 1000), st.integers(-1000, 1000), st.integers(-1000, 1000))
def test_a_bounded_value_is_within_its_bounds(low: int, width: int, value: int) -> None:
    high = low + abs(width)
    try:
        assert low <= int(parameter("integer", minimum=low, maximum=high).check(value)) <= high
    except InvalidParameter:
        assert not low <= value <= high
