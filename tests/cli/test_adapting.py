from __future__ import annotations

import json

import pytest


def test_following_the_load_and_not_any_more(run, zoe):
    assert run("start", "spark", "--name", "mine", "--expect", "2h").returncode == 0
    body = next(json.loads(body) for method, path, _, body in zoe.requests if (method, path) == ("POST", "/executions"))
    assert body["expected"] == 7200
    adapted = run("adapt", "mine", "--min", "1", "--max", "8", "--hold", "10min")
    assert adapted.stdout == "mine follows its load: 1 to 8, kept for 10 minutes.\n", adapted.stderr
    zoe.soon(lambda: zoe.resize("mine", 4, "12 tasks wait: 2 -> 4 workers"))
    assert "reason=12 tasks wait: 2 -> 4 workers" in run("events", "mine").stdout
    assert "1 to 8, kept for 10 minutes (12 tasks wait: 2 -> 4 workers)" in run("show", "mine").stdout
    scaled = run("scale", "mine", "3").stdout
    assert scaled == "mine: workers=3 is asked for.\nmine does not follow its load any more.\n"
    assert "off, because alice asked for a size" in run("show", "mine").stdout
    assert json.loads(run("adapt", "mine", "--min", "1", "--max", "2", "--json").stdout)["adaptation"]["maximum"] == 2
    assert run("adapt", "mine", "--off").stdout == "mine stays at 3.\n"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "zoe: Give --min and --max, or --off."),
        (["--min", "1"], "zoe: Give --min and --max, or --off."),
        (["--off", "--max", "3"], "zoe: --off ends it, whatever the bounds. Leave out --max, or --off."),
        (
            ["--off", "--min", "1", "--hold", "2h"],
            "zoe: --off ends it, whatever the bounds. Leave out --min, --hold",
        ),
        (["--min", "1", "--max", "3", "--hold", "soon"], "zoe: hold: 'soon' is no span of time"),
        (["--min", "1", "--max", "3", "--hold", "never"], "zoe: hold: 'never' is no span of time here; write how long"),
        (["--min", "1", "--max", "101"], "zoe: maximum: 101 is out of bounds"),
    ],
)
def test_what_cannot_be_is_said(run, options, sentence):
    run("start", "spark", "--name", "mine")
    finished = run("adapt", "mine", *options)
    assert finished.returncode != 0
    assert finished.stderr.startswith(sentence), finished.stderr
