"""What is done and what is killed, as a pure function of the seed.

Not in the plan, and so not the same in every run: what the machine was doing at that moment, which of the
processes that live then has the drawn place in their order, and whether the service comes to the drawn point
before it is killed all the same.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from enum import Enum

CAPACITY = 12
"""Processors that the service may hand out; every process of the load asks for one."""
MOST = 16
"""Processes that are wished for at once, at most: some have to wait."""
WORKERS = 5
TWO = ".two"
"""The end of a seed that stands for two services."""
STRETCH = 100
"""Kills after which everything is looked at."""


class Kind(str, Enum):
    """What a round kills."""

    SERVICE = "the service, at a moment"
    WRITE = "the service, at a write"
    OPERATION = "the service, at an operation of the back end"
    FILE = "the service, at a change of a file"
    INSTANCE = "an instance"
    SHIM = "the supervisor of an instance"
    BOTH = "an instance and its supervisor"
    ALL = "the service and all instances of one execution"
    PAUSE = "the service, paused and continued"


_WEIGHTS = {
    Kind.SERVICE: 14,
    Kind.WRITE: 20,
    Kind.OPERATION: 8,
    Kind.FILE: 14,
    Kind.INSTANCE: 16,
    Kind.SHIM: 12,
    Kind.BOTH: 6,
    Kind.ALL: 6,
    Kind.PAUSE: 4,
}
OF_SERVICE = frozenset({Kind.SERVICE, Kind.WRITE, Kind.OPERATION, Kind.FILE, Kind.ALL})
POINTS = frozenset({Kind.WRITE, Kind.OPERATION, Kind.FILE})
"""Points at which the service kills itself; it is told when it is started."""


@dataclass(frozen=True)
class Kill:
    """One kill. `after` in seconds from when the service answers; `place` chooses among what there is."""

    kind: Kind
    after: float
    early: bool = False
    """Do not wait until the service answers."""
    place: int = 0
    number: int = 0
    """Of the write, operation or change at which the service dies."""
    moment: str = ""
    """`before`, `within` or `after` it."""


@dataclass(frozen=True)
class Action:
    """One wish of a client. `target` is the number of the submission that it speaks of."""

    verb: str
    target: int
    owner: str = ""
    zapp: str = ""
    name: str | None = None
    parameters: tuple[tuple[str, float], ...] = ()
    rival: int = 0
    """The other wish of two people who scale one cluster at once."""


@dataclass(frozen=True)
class Round:
    actions: tuple[Action, ...]
    kill: Kill


@dataclass(frozen=True)
class Plan:
    seed: str
    rounds: tuple[Round, ...]
    calm: tuple[Action, ...]
    """What is ended at last, so that all the rest fits."""
    services: int = 1

    def death(self, number: int) -> Kill | None:
        """How the service dies that is started before this round."""
        return next((r.kill for r in self.rounds[number:] if r.kill.kind in OF_SERVICE), None)


@dataclass
class _Drawing:
    """The state of the wishes while the plan is drawn."""

    draw: random.Random
    submitted: int = 0
    alive: dict[int, int] = field(default_factory=dict)
    """Processes of everything that goes on until it is ended, by the number of its submission."""
    owners: dict[int, str] = field(default_factory=dict)
    clusters: set[int] = field(default_factory=set)
    names: int = 0

    @property
    def wished(self) -> int:
        return sum(self.alive.values())

    def submit(self) -> Action:
        zapp = self.draw.choices(("cells", "job", "shaky", "doomed"), (60, 16, 12, 12))[0]
        return self._submit(zapp, self.draw.randint(1, WORKERS) if zapp == "cells" else 0)

    def _submit(self, zapp: str, workers: int) -> Action:
        number, self.submitted = self.submitted, self.submitted + 1
        self.owners[number] = owner = self.draw.choice(("alice", "bob"))
        parameters: tuple[tuple[str, float], ...] = ()
        name = None
        if zapp == "cells":
            parameters = (("workers", workers),)
            self.alive[number] = workers + 1
            self.clusters.add(number)
        elif zapp == "shaky":
            parameters = (("fails", self.draw.randint(1, 3)),)
            self.alive[number] = 1
        elif zapp == "job":
            parameters = (("lasts", round(self.draw.uniform(0.1, 1.0), 2)),)
        if self.draw.random() < 0.3:
            self.names += 1
            name = f"mine-{self.names}"
        return Action("submit", number, owner, zapp, name, parameters)

    def of_cluster(self, verb: str) -> Action | None:
        choice = sorted(self.clusters & self.alive.keys())
        if not choice:
            return None
        target = self.draw.choice(choice)
        action = Action(verb, target, self.owners[target])
        if verb not in ("scale", "rival"):
            return action
        workers, rival = self.draw.randint(1, WORKERS), self.draw.randint(1, WORKERS)
        self.alive[target] = 1 + (max(workers, rival) if verb == "rival" else workers)
        parameters = (("workers", workers),)
        return Action(verb, target, self.owners[target], parameters=parameters, rival=rival if verb == "rival" else 0)

    def terminate(self) -> Action | None:
        if not self.alive:
            return None
        target = self.draw.choice(sorted(self.alive))
        del self.alive[target]
        return Action("terminate", target, self.owners[target])

    def swap(self) -> list[Action]:
        choice = sorted(self.clusters & self.alive.keys())
        if not choice:
            return []
        old = self.draw.choice(choice)
        owner = self.owners[old]
        del self.alive[old]
        new = self._submit("cells", self.draw.randint(1, WORKERS))
        return [new, Action("terminate", old, owner)]

    def actions(self) -> list[Action]:
        if self.wished > MOST or (self.wished > MOST // 2 and self.draw.random() < 0.2):
            ended = self.terminate()
            return [ended] if ended else []
        verb = self.draw.choices(
            ("submit", "scale", "rival", "swap", "detach", "attach", "terminate", "again"),
            (30, 24, 6, 12, 6, 5, 12, 5),
        )[0]
        if verb == "swap":
            return self.swap() or [self.submit()]
        if verb == "again" and self.submitted:
            target = self.draw.randrange(self.submitted)
            return [Action("again", target, self.owners[target])]
        if verb == "submit":
            return [self.submit()]
        found = self.terminate() if verb == "terminate" else self.of_cluster(verb)
        return [found or self.submit()]

    def kill(self) -> Kill:
        kind = self.draw.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        after = round(self.draw.uniform(0.0, 0.8), 3)
        place = self.draw.randrange(1000)
        moment, number = "", 0
        if kind is Kind.WRITE:
            moment, number = self.draw.choice(("before", "within", "after")), _early(self.draw, 24)
        elif kind is Kind.OPERATION:
            moment, number = self.draw.choice(("before", "after")), _early(self.draw, 5)
        elif kind is Kind.FILE:
            moment, number = "before", _early(self.draw, 60)
        early = kind in (Kind.SERVICE, Kind.ALL) and self.draw.random() < 0.3
        return Kill(kind, after, early, place, number, moment)


def _early(draw: random.Random, most: int) -> int:
    """A number from 1, rather a small one: the service does not always come to the later ones."""
    return 1 + int(most * draw.random() ** 2)


def make_plan(seed: str, kills: int) -> Plan:
    """The same for the same arguments; the plan of fewer kills is the beginning of that of more.

    A seed that ends in `.two` is for two services on one database.
    """
    drawing = _Drawing(random.Random(f"chaos {seed}"))
    rounds = []
    for _ in range(kills):
        actions = [action for _ in range(drawing.draw.randint(1, 3)) for action in drawing.actions()]
        rounds.append(Round(tuple(actions), drawing.kill()))
    calm = []
    while drawing.wished > CAPACITY:
        ended = drawing.terminate()
        assert ended is not None
        calm.append(ended)
    return Plan(seed, tuple(rounds), tuple(calm), services=2 if seed.endswith(TWO) else 1)


def stretches(seed: str, kills: int) -> list[Plan]:
    """A long run in parts, each with a home of its own and looked at afterwards: the first has the seed itself, the
    others `seed.1.two`, `seed.2`, `seed.3.two`, … so that each can be run again alone."""
    full, rest = divmod(kills, STRETCH)
    lengths = [STRETCH] * full + ([rest] if rest else [])
    return [make_plan(f"{seed}.{n}{TWO if n % 2 else ''}" if n else seed, length) for n, length in enumerate(lengths)]
