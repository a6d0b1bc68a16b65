from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoe_hub.model.durations import LONGEST, format_seconds, parse_seconds, parse_span


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2h", 7200), ("90 min", 5400), ("1 h 30 min", 5400), ("1h30m", 5400), (" 2 Hours ", 7200), ("1.5 h", 5400),
        ("1 day", 86_400), ("2w", 1_209_600), ("45", 45), (45, 45), (0.2, 1), ("never", 0), ("None", 0), ("0", 0),
    ],
)  # fmt: skip
def test_what_people_write(text: object, seconds: int) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "h", "2 fortnights", "-1", -1, "1h 5", "5 1h", "11 years", "1e9", True, None, [1], float("nan"), "9" * 99],
)
def test_what_is_refused_is_told_how_to_write_it(text: object) -> None:
    with pytest.raises(ValueError, match=r"is no span of time; (write a number and a unit|it must be between)"):
        parse_seconds(text)


@pytest.mark.parametrize("text", ["never", " None "])
def test_where_0_is_at_once_never_would_be_the_opposite(text: str) -> None:
    with pytest.raises(ValueError, match=f"'{text.strip()}' is no span of time here; write how long, such as 10 min"):
        parse_span(text)
    assert (parse_span("0"), parse_span("2h")) == (0, 7200)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 seconds"), (1, "1 second"), (90, "90 seconds"), (300, "5 minutes"), (3600, "60 minutes"),
     (9000, "2 hours 30 minutes"), (86_400, "24 hours"), (3 * 86_400, "3 days")],
)  # fmt: skip
def test_what_people_read(seconds: int, text: str) -> None:
    assert format_seconds(seconds) == text


@given(st.integers(0, LONGEST))
def test_what_is_written_is_read_back(seconds: int) -> None:
    assert parse_seconds(format_seconds(seconds)) == seconds


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_seconds(text)
    except ValueError:
        return
    assert 0 <= found <= LONGEST
