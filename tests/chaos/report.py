"""What came of all stretches of a run: as a table, as JSON, and as a page of the documentation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .found import FOUND
from .run import Outcome

REPORT = Path(__file__).parent.parent.parent / "docs" / "explanation" / "crash-tests.md"
REPORTED_FROM = 300
"""Kills of a run that is worth to be in the documentation."""


@dataclass
class Total:
    """The sum of the outcomes."""

    seed: str
    rounds: int = 0
    stretches: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    executions: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    tried_again: int = 0
    started: int = 0
    events: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    violations: list[str] = field(default_factory=list)

    def add(self, outcome: Outcome, kills: int) -> None:
        self.rounds += kills
        self.stretches += 1
        self.kills += outcome.kills
        self.accepted += outcome.accepted
        self.executions += outcome.executions
        self.refused += sum(outcome.refused.values())
        self.tried_again += outcome.tried_again
        self.started += outcome.started
        self.events += outcome.events
        self.seconds += outcome.seconds
        self.slowest = max(self.slowest, outcome.settled_in)
        self.violations += [f"seed {outcome.seed}: {violation}" for violation in outcome.violations]

    def figures(self) -> list[tuple[str, str]]:
        requests = ", ".join(f"{count} {verb}" for verb, count in self.accepted.most_common())
        ends = ", ".join(f"{count} {state}" for state, count in self.executions.most_common())
        return [
            ("seed", self.seed),
            ("kills", str(self.rounds)),
            ("requests accepted", f"{sum(self.accepted.values())} ({requests})"),
            ("requests refused because the execution was ending", str(self.refused)),
            ("requests for which a client's own repetitions did not suffice", str(self.tried_again)),
            ("executions", f"{sum(self.executions.values())} ({ends})"),
            ("processes started", str(self.started)),
            ("events", str(self.events)),
            ("longest time until all was as wished, after the last kill of a stretch", f"{self.slowest:.1f} s"),
            ("violations", str(len(self.violations))),
        ]

    def table(self) -> str:
        rows = [*self.figures(), *((f"killed: {kind}", str(count)) for kind, count in self.kills.most_common())]
        width = max(len(name) for name, _ in rows)
        lines = [f"{name:<{width}}  {value}" for name, value in rows]
        return "\n".join([*lines, *(f"VIOLATION {violation}" for violation in self.violations)])

    def documents(self) -> list[dict[str, Any]]:
        bad = len(self.violations)
        return [
            {
                "name": f"crash tests: violations, against kills (seed {self.seed})",
                "value": bad,
                "unit": "",
                "baseline": self.rounds,
                "ratio": round(bad / max(self.rounds, 1), 4),
                "goal": 0,
                "holds": bad == 0,
            }
        ]


def page(total: Total) -> str:
    """The page, as Markdown."""
    figures = "\n".join(f"| {name} | {value} |" for name, value in total.figures())
    kills = "\n".join(f"| {kind} | {count} |" for kind, count in total.kills.most_common())
    violations = "\n".join(f"- {violation}" for violation in total.violations) or "None."
    found = "\n".join(f"- {sentence}" for sentence in FOUND)
    return _PAGE.format(figures=figures, kills=kills, violations=violations, found=found, stretches=total.stretches)


_PAGE = """<!-- Written by `make chaos`. Change tests/chaos/report.py instead. -->
# Crash tests

Zoe is killed at random instants while clients start, scale, swap, detach and terminate executions, some of which fail
by themselves. Afterwards everything that was accepted must be there, once, and where it was wished.

`make chaos KILLS=1000 SEED=7` makes such a run and writes this page (from 300 kills on); `make test` makes short ones.
What is wished and what is killed, and when, is a function of the seed: a run that found something is repeated with its
seed. A long run consists of stretches of 100 kills, each with a home of its own; the seed of a stretch (`7.2`) with
`KILLS=100` repeats it alone. Every other stretch (`7.1.two`) has two services on one database, and kills or pauses the
one that leads three times of four. What the machine did at that moment is not in the seed, so not every repetition
finds the same.

## What is real and what is not

Most kills are made where the service is alone: it is the product with its SQLite database on disk, its local back end
and its web server, in a process of its own. Clients are `zoe_hub.client`, which repeat what was not answered, with the
same idempotency key. The instances are small programs with a port, children in sessions of their own, draining, restart
policies and exit codes. A small stand-in for the Hub knows their tokens. Of a long run, one kill of 25 is made around a
real JupyterHub with its proxy and user servers (seeds that end in `.hub`): the Hub, the proxy, a user server, the
service, an instance.

Nothing in the product knows of the tests: the service is started by a program that kills it at the n-th write of the
database (before the transaction, within it, after its commit), at the n-th order or removal of the back end, or at the
n-th file that it creates, renames or deletes. Other kills come from outside.

## What is looked at

- Every accepted request is in the database, one execution for each key, none that nobody asked for.
- Each program holds a lock while it lives and writes its starts into a ledger: no instance ever met another one in its
  place, nor a child that an earlier one had left.
- Every execution is in the state, of the size and attached as it was wished last.
- The process table has one program and at most one supervisor for each instance, and nothing else; folders and ports
  that are kept are those of what lives.
- Somebody who followed the events from the first one, and resumed with `Last-Event-ID` after every break, was sent each
  once and in order; the events, added up, give the final state.
- The service's log has no error that nobody foresaw.
- After everybody terminated all that is theirs, no process and no folder is left.

## A Docker engine that is killed

`tests/backends/docker/test_engine_dies.py` kills the engine itself while clusters run, start and end, and once together
with the service; `ZOE_TEST_DOCKER_KILL` and `ZOE_TEST_DOCKER_START` say how. With live-restore the same containers must
go on; without, each must come back at its address. There must be as many as are wished for, and in the end nothing.

## The last long run

| | |
|---|---|
{figures}

| killed ({stretches} stretches) | times |
|---|---|
{kills}

Violations:

{violations}

## What crash tests have found so far

{found}
"""
