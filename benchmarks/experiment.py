"""The experiment: every policy under every order, on the same workloads, with goals for ours.

Runs that were made are kept in a folder: what was interrupted goes on from there. The page in the documentation is
written with `--page`, its section on more nodes and other conditions with `--more`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from experiment_goals import MAIN, goals, unserved
from experiment_more import kept, section, section_of, write_section
from experiment_page import write_page
from experiment_runs import CONDITIONS, LOADS, MIXES, ROOT, SIZES, Case, Found, cases, run
from report import end_on_signals, say, show

_OFTEN = 10.0
"""Seconds between two words about how far it is."""
ALL = tuple((mix, load, conditions) for mix in MIXES for load in LOADS for conditions in CONDITIONS)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="small", help="requests and nodes")
    parser.add_argument("--seeds", type=int, default=20, help="workloads for each mix, load and size")
    parser.add_argument("--all", action="store_true", help="all mixes, loads and conditions, not those with goals only")
    parser.add_argument("-j", "--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes")
    parser.add_argument("--results", type=Path, default=_results(), help="folder of what was found")
    parser.add_argument("--page", action="store_true", help="write docs/explanation/experiment.md and its plots")
    parser.add_argument("--more", action="store_true", help="only write its section on all else, from what was found")
    options = parser.parse_args()
    if options.seeds < 1 or options.jobs < 1:
        parser.error("seeds and jobs are at least 1")
    end_on_signals()
    page = ROOT / "docs" / "explanation" / "experiment.md"
    other = kept(options.results) if options.more or options.page else []
    if not (left := unserved(other)).holds:
        parser.error(f"{left.value:.0f} applications of what is kept of all else never ended: means say nothing")
    if options.more:
        if not other:
            parser.error(f"nothing of more nodes or other conditions is kept in {options.results}")
        write_section(other, page)
        say(f"{page}: {len(other)} runs")
        return 0
    wanted = list(cases(SIZES[options.size], options.seeds, ALL if options.all else MAIN))
    try:
        found = make(wanted, options.results, options.jobs)
    except KeyboardInterrupt:
        say("Interrupted. What was found is kept; the same command goes on from there.")
        return 130
    reached, left = goals(found), unserved(found)
    if options.page and not left.holds:
        say("The page is not written: means say nothing where applications never ended.")
    elif options.page:
        write_page(found, reached, page, section(other) if other else section_of(page))
    return show([left, *reached])


def make(wanted: Sequence[Case], folder: Path, jobs: int) -> list[Found]:
    """All runs, in their order, by so many processes."""
    say(f"{len(wanted)} runs, {jobs} at a time; what was found is in {folder}")
    found: list[Found] = []
    began = said = time.monotonic()
    made = 0
    # The interrupt of a terminal reaches all processes; only this one is to say something.
    with multiprocessing.Pool(jobs, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)) as pool:
        for number, (each, new) in enumerate(pool.imap(partial(run, folder=folder), wanted, chunksize=1), 1):
            found.append(each)
            made += new
            now = time.monotonic()
            if made and (now - said > _OFTEN or number == len(wanted)):
                said = now
                left = (now - began) / made * (len(wanted) - number)
                say(f"  {number} of {len(wanted)}, {now - began:.0f} s, about {left:.0f} s left: {_told(each.case)}")
    return found


def _told(case: Case) -> str:
    return f"seed {case.seed}, {case.mix}, load {case.load}, {case.conditions}, {case.order}, {case.policy}"


def _results() -> Path:
    return Path(os.environ.get("ZOE_HOME", ROOT / ".zoe")) / "experiment"


if __name__ == "__main__":
    sys.exit(main())
