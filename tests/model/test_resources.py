"""Amounts: read and written for people, added without loss."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from zoe_hub.model.resources import Bytes, Node, Resources, exact_bytes, format_bytes, parse_bytes

amounts = st.integers(min_value=0, max_value=2**60)
resources = st.builds(
    Resources, cpu=st.integers(0, 10**6).map(lambda n: n / 4), memory=amounts, gpu=st.integers(0, 1000)
)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", 0),
        ("1024", 1024),
        ("512M", 512 * 10**6),
        ("512MB", 512 * 10**6),
        ("512Mi", 512 * 2**20),
        ("512 MiB", 512 * 2**20),
        ("8 gib", 8 * 2**30),
        (" 1.5 GiB ", 3 * 2**29),
        ("2TB", 2 * 10**12),
        ("3 KiB", 3072),
        ("7 B", 7),
        ("9007199254740993", 2**53 + 1),
        (12, 12),
        (1.5e9, 1_500_000_000),
    ],
)
def test_parse(text: object, amount: int) -> None:
    assert parse_bytes(text) == amount


WRONG_TEXTS = ["", " ", "GiB", "8 XiB", "8 GiBs", "eight", "-1", "-1 GiB", "1e9", "1_000", "0x10", ".5 GiB", "1,5 GiB"]
WRONG_VALUES = ["8 GiB\n8", "1" * 5000, -1, -0.5, float("nan"), float("inf"), True, None, [], {"a": 1}]


@pytest.mark.parametrize("wrong", [*WRONG_TEXTS, *WRONG_VALUES], ids=lambda value: repr(value)[:20])
def test_parse_refuses(wrong: object) -> None:
    with pytest.raises(ValueError, match="amount of memory") as caught:
        parse_bytes(wrong)
    assert len(str(caught.value)) < 200
    with pytest.raises(ValidationError):
        TypeAdapter(Bytes).validate_python(wrong)


@given(amounts)
def test_numbers_stay(amount: int) -> None:
    assert parse_bytes(amount) == parse_bytes(str(amount)) == parse_bytes(f"{amount} B") == amount


@given(st.integers(min_value=0, max_value=2**50))
def test_what_is_written_can_be_read(amount: int) -> None:
    assert parse_bytes(format_bytes(amount)) == pytest.approx(amount, rel=5e-3)


@given(st.integers(min_value=0, max_value=2**62) | st.integers(0, 2**22).map(lambda count: count * 2**20))
def test_what_is_edited_is_exact(amount: int) -> None:
    assert parse_bytes(exact_bytes(amount)) == amount


@pytest.mark.parametrize(
    ("amount", "text"),
    [(2**30, "1 GiB"), (3 * 2**29, "1.5 GiB"), (1300 * 2**20, "1300 MiB"), (1001, "1001 B"), (0, "0 B")],
)
def test_what_is_edited_has_the_largest_unit_that_it_can(amount: int, text: str) -> None:
    assert exact_bytes(amount) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (3 * 2**29, "1.5 GiB"),
        (2**40, "1 TiB"),
        (5 * 2**50, "5120 TiB"),
        (4335 * 2**20, "4.23 GiB"),
        (24107 * 2**20, "23.5 GiB"),
        (1000 * 2**20, "1000 MiB"),
        (2**30 - 1, "1 GiB"),
    ],
)
def test_format(amount: int, text: str) -> None:
    assert format_bytes(amount) == text


@given(resources, resources, resources)
def test_addition(a: Resources, b: Resources, c: Resources) -> None:
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + Resources() == a


@given(resources, st.integers(0, 20))
def test_multiplication_is_repeated_addition(one: Resources, count: int) -> None:
    assert one * count == sum([one] * count, Resources())


@given(resources)
def test_survives_json(one: Resources) -> None:
    assert Resources.model_validate_json(one.model_dump_json()) == one


@pytest.mark.parametrize(
    "wrong", [{"cpu": -1}, {"cpu": float("inf")}, {"cpu": float("nan")}, {"memory": -1}, {"gpu": -1}, {"gpu": 0.5}]
)
def test_refuses(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Resources.model_validate(wrong)


def test_sum_of_absurd_wishes_can_still_be_compared() -> None:
    assert (Resources(cpu=1e308) * 10).cpu > 1e308


def test_text() -> None:
    assert str(Resources(cpu=1.5, memory="2 GiB")) == "1.5 CPU, 2 GiB"
    assert str(Resources(cpu=4, memory=2**20, gpu=1)) == "4 CPU, 1 MiB, 1 GPU"
    assert Node(name="here", capacity=Resources(cpu=2)).capacity.cpu == 2
