from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import ROOT, run_zoe
from zoe_hub.cli.simulation import ORDERS, POLICIES
from zoe_hub.config import ZoeConfig
from zoe_hub.scheduler import methods

SUFFIXES = ("-2d", "-3d", "-share")
HEAD = '{"kind":"Trace","nodes":[{"count":2,"capacity":{"cpu":4,"memory":4}}]}\n'
LINE = (
    '{"user":0,"zapp":0,"submitted":%s,"admitted":9,"ended":9,"seconds":4,'
    '"demands":[{"core":1,"elastic":3,"resources":{"cpu":1}}]}\n'
)


def test_the_fixture_is_a_line_for_each_published_policy() -> None:
    done = run_zoe("simulate", "--fixture")
    assert (done.returncode, done.stdout) == (0, "rigid      25.0\nmalleable  20.0\nflexible   19.25\n")


def test_nothing_is_said_beside_the_fixture_which_could_not_change_it(tmp_path: Path) -> None:
    done = run_zoe("simulate", str(tmp_path / "trace"), "--fixture", "--policy", "rigid", "-w", "load=1", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "zoe: --fixture is always the same. Leave out TRACE, --policy, --workload, --json.\n"


def test_who_names_no_order_is_told_all_of_them() -> None:
    done = run_zoe("simulate", "--order", "xyz")
    assert done.returncode != 0
    assert all(name in done.stderr for name in methods.ORDERS)


def test_names_are_taken_in_any_case_as_in_the_settings(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    trace.write_text(HEAD + LINE % "0")
    done = run_zoe("simulate", str(trace), "--policy", "Rigid", "--order", "SJF", "--json")
    assert done.returncode == 0, done.stderr
    assert [(run["policy"], run["order"]) for run in json.loads(done.stdout)["runs"]] == [("rigid", "sjf")]


def test_a_trace_without_machines_asks_for_them(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    # As an editor of another system saves it.
    trace.write_text('{"kind":"Trace","nodes":[]}\n' + LINE % "0", encoding="utf-8-sig")
    done = run_zoe("simulate", str(trace))
    assert done.returncode == 1
    assert "--nodes 25x32x128GiB" in done.stderr
    assert run_zoe("simulate", str(trace), "--nodes", "2x8x4GiB").returncode == 0


def test_a_trace_asks_for_no_more_instances_than_can_be_placed(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    trace.write_text(HEAD + (LINE % "0").replace('"elastic":3', '"elastic":100001'))
    done = run_zoe("simulate", str(trace))
    assert done.returncode == 1
    assert "demands.0.elastic: input should be less than or equal to 100000" in done.stderr


def test_several_policies_and_orders_are_rows_of_a_table(tmp_path: Path) -> None:
    done = run_zoe(
        *("simulate", "-w", "requests=20", "--nodes", "2x32x128GiB", "--policy", "rigid", "--policy", "flexible"),
        *("--order", "fifo", "--order", "sjf", "--restart", "5", "--size-error", "0.5", "--plots", str(tmp_path)),
    )
    assert done.returncode == 0, done.stderr
    for title in ("Turnaround", "Queueing", "Slowdown", "Allocation"):
        assert title in done.stdout
    assert [line.split()[:2] for line in done.stdout.splitlines() if line.startswith(" rigid")] == [
        *([["rigid", "fifo"], ["rigid", "sjf"]] * 4)
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "allocation.svg", "queueing.svg", "slowdown.svg", "turnaround.svg",
    ]  # fmt: skip


def test_without_further_words_it_is_as_a_service_decides_beside_what_was(tmp_path: Path) -> None:
    traits = ZoeConfig.class_traits()
    trace = tmp_path / "trace"
    trace.write_text(HEAD + (LINE % "0").replace('"ended":9', '"ended":14'))
    done = run_zoe("simulate", str(trace), COLUMNS="200")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["as", "it", "was", "14.0", "s", "14.0", "s", "14.0", "s", "14.0", "s"] in rows
    assert ["as", "it", "was", "9.0", "s", "9.0", "s", "9.0", "s", "9.0", "s"] in rows
    assert ["as", "it", "was", "3.50", "3.50", "3.50", "3.50"] in rows
    ours = [row for row in rows if row[:2] == [traits["policy"].default_value, traits["order"].default_value]]
    assert [row[2] for row in ours] == ["4.0", "0.0", "1.00", "50.0"]
    recorded = json.loads(run_zoe("simulate", str(trace), "--json").stdout)["recorded"]
    assert [recorded[name]["mean"] for name in ("turnaround", "queueing", "slowdown")] == [14.0, 9.0, 3.5]


def test_quotas_of_names_that_a_trace_does_not_have_are_told(tmp_path: Path) -> None:
    trace, quotas = tmp_path / "trace", tmp_path / "quotas.yaml"
    trace.write_text(HEAD + LINE % "0")
    quotas.write_text("apiVersion: zoe/v1\nkind: Quotas\nusers:\n  u0: {cpu: 2}\n  alice: {cpu: 1}\n")
    done = run_zoe("simulate", str(trace), "--quotas", str(quotas), "--json")
    assert f"zoe: {quotas} says something of alice, but the workload has no such users;" in done.stderr
    assert json.loads(done.stdout)["runs"][0]["turnaround"]["mean"] == 8.0


def test_the_same_question_has_the_same_answer() -> None:
    workload = ("-w", "requests=40", "-w", "load=5", "--nodes", "2", "--size-error", "1")
    asked = ("simulate", *workload, "--policy", "flexible", "--order", "sjf", "--json")
    first, second = run_zoe(*asked), run_zoe(*asked, PYTHONHASHSEED="7")
    assert first.stdout == second.stdout
    assert json.loads(first.stdout)["runs"][0]["policy"] == "flexible"
    assert run_zoe(*asked, "--seed", "5").stdout != first.stdout


def test_quotas_are_of_numbered_users_and_what_is_left_out_is_told(tmp_path: Path) -> None:
    trace, quotas = tmp_path / "trace", tmp_path / "quotas.yaml"
    trace.write_text(HEAD + LINE % "0")
    quotas.write_text("apiVersion: zoe/v1\nkind: Quotas\nusers:\n  u0: {cpu: 1, cpu_hours: 3}\n")
    done = run_zoe("simulate", str(trace), "--quotas", str(quotas), "--policy", "flexible", "--json")
    assert "are left out: `cpu_hours`." in done.stderr
    assert json.loads(done.stdout)["runs"][0]["turnaround"]["mean"] == 16.0
    quotas.write_text("kind: Quotas\n")
    assert f"zoe: {quotas}" in run_zoe("simulate", str(trace), "--quotas", str(quotas)).stderr


def test_what_fits_nowhere_is_told(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    trace.write_text(HEAD + LINE % "0")
    done = run_zoe("simulate", str(trace), "--nodes", "1x0.5x1GiB", "--policy", "flexible")
    assert "1 of 1 never ended under flexible, fifo: they do not fit on these nodes." in done.stderr
    quotas = tmp_path / "quotas.yaml"
    quotas.write_text("apiVersion: zoe/v1\nkind: Quotas\nusers:\n  u0: {cpu: 0.5}\n")
    done = run_zoe("simulate", str(trace), "--quotas", str(quotas), "--policy", "flexible")
    assert "1 of 1 never ended under flexible, fifo: they do not fit on these nodes, or are more than" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--policy", "rigd"), "There is no policy named 'rigd'. Did you mean 'rigid'?"),
        (("--order", "lifo"), "There is no order named 'lifo'."),
        (("--nodes", "some"), "'some' says no nodes; write a number of nodes, such as 25"),
        (("-w", "load"), "'load' says nothing of a workload; write -w NAME=VALUE, such as -w load=1.1."),
        (("-w", "loud=1"), "A workload has no 'loud'; it has requests, seed, load,"),
        (("-w", "load=much"), "-w load=…: input should be a valid number"),
        (("--nodes", "1x0x1GiB"), "'1x0x1GiB' says nodes on which nothing fits; write"),
        (("--nodes", "200000"), "200000 is more than 100,000 nodes, which is the most"),
        (("--plots", "/dev/null/plots"), "The folder /dev/null/plots for plots cannot be made: Not a directory."),
        (("--config", "zoe.py"), "--config is about a service's database: say with --since from when on."),
        (("--since", "yesterday"), "'yesterday' is no time; write 2026-03-01,"),
        (("none.jsonl",), "none.jsonl: it cannot be read: No such file or directory"),
    ],
)
def test_mistakes_get_a_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    done = run_zoe("simulate", *arguments)
    assert done.returncode in (1, 4)
    assert done.stdout == ""
    assert f"zoe: {sentence}" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "it is empty; `zoe trace export` writes traces"),
        ("{}\n", ":1: this is not the first line of a trace: nodes: field required"),
        (HEAD, ": it holds no execution that ran;"),
        (HEAD + "{\n", ":2: this is not a line of a trace: invalid JSON"),
        (HEAD + LINE % "-1", ":2: this is not a line of a trace: submitted: input should be greater than"),
        (HEAD + LINE % "10", ":2: this is not a line of a trace: it is admitted before it is submitted"),
        (
            HEAD + (LINE % "0").replace('"ended":9', '"ended":1e308'),
            ":2: this is not a line of a trace: ended: input should",
        ),
        (HEAD + LINE % "5" + LINE % "4", ":3: it was submitted before the line above it"),
        (HEAD + (LINE % "0").replace('"core":1,"elastic":3', '"core":0,"elastic":0'), "it asks for no instance"),
        ("\udcff", "it is not written in UTF-8"),
    ],
)
def test_a_file_that_is_no_trace_is_named_by_line(text: str, sentence: str, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    trace.write_text(text, errors="surrogateescape")
    done = run_zoe("simulate", str(trace))
    assert done.returncode == 1
    assert str(trace) in done.stderr
    assert sentence in done.stderr


@pytest.mark.parametrize(("option", "value"), [("--restart", "inf"), ("--drain", "nan")])
def test_seconds_are_a_number_of_them(option: str, value: str) -> None:
    done = run_zoe("simulate", "-w", "requests=2", option, value)
    assert done.returncode == 2
    assert option in done.stderr
    assert "Traceback" not in done.stderr


def test_the_help_names_every_policy_and_every_order() -> None:
    said = set(re.findall(r"[a-z][a-z0-9-]*", f"{POLICIES} {ORDERS}"))
    assert {name for name in methods.POLICIES if name not in said} == set()
    made = {"fifo", "dynsize"} | {f"{base}{more}" for base in ("sjf", "srpt", "hrrn") for more in ("", *SUFFIXES)}
    assert (made, set(SUFFIXES) - set(re.findall(r"-\w+", ORDERS))) == (set(methods.ORDERS), set())


def test_interrupted_it_ends_at_once_and_says_nothing() -> None:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("ZOE_", "JUPYTERHUB_"))}
    running = subprocess.Popen(
        [sys.executable, "-c", _SAYS_WHEN, "simulate", "-w", "requests=100000", "-w", "load=5"],
        env=inherited | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert running.stdout is not None
    assert running.stdout.readline() == "generating\n"
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (130, "", "")


_SAYS_WHEN = """
import zoe_hub.cli.simulating as simulating
from zoe_hub.cli import main
make = simulating.generate
def generate(*given):
    print("generating", flush=True)
    return make(*given)
simulating.generate = generate
main()
"""
