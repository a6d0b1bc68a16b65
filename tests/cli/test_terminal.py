from __future__ import annotations

import json

import pytest

from zoe_hub.cli.exits import guarded
from zoe_hub.cli.output import say, table
from zoe_hub.cli.terminal import harmless, harmless_json, harmless_line
from zoe_hub.model.errors import InvalidRequest


def test_people_read_their_own_language() -> None:
    text = "Größe\u00a0größer: 数据\tنعم\u200c 👩\u200d💻\nsecond line"
    assert harmless(text) == text


@pytest.mark.parametrize("char", ["\x1b", "\x07", "\r", "\x7f", "\x9b", "\u2028", "\u202e", "\u2066", "\ud800"])
def test_what_a_terminal_obeys_is_written_out(char: str) -> None:
    assert harmless(f"a{char}b") == f"a{repr(char)[1:-1]}b"
    document = harmless_json(json.dumps({"a": char}, ensure_ascii=False))
    assert char not in document
    assert json.loads(document) == {"a": char}


def test_a_name_stays_on_its_line() -> None:
    assert harmless_line("mine\nyours\x1b[2J") == "mine\\nyours\\x1b[2J"


def test_sentences_about_what_others_wrote(capsys: pytest.CaptureFixture[str]) -> None:
    @guarded
    def refused() -> None:
        raise InvalidRequest("no \x1b[2J")

    with pytest.raises(SystemExit):
        refused()
    say("well \x9b2J")
    assert capsys.readouterr().err == "zoe: no \\x1b[2J\nwell \\x9b2J\n"


def test_a_table_for_pipes_is_as_wide_as_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "20")
    table(("name", "notebook", "since"), [("jupyterlab-spark-1", "", "2026-11-22 18:36")], empty="Nothing.")
    shown = capsys.readouterr().out
    assert "jupyterlab-spark-1" in shown
    assert "2026-11-22 18:36" in shown
    assert "notebook" not in shown
