"""What holds for our own policy after every decision, whatever happened before."""

from __future__ import annotations

import os
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from zoe_hub.scheduler import level, packing
from zoe_hub.scheduler.cluster import Application
from zoe_hub.scheduler.methods import order
from zoe_hub.scheduler.orders import FIFO
from zoe_hub.scheduler.policies.elastic import Elastic, Settings
from zoe_hub.scheduler.scheduler import Scheduler
from zoe_hub.scheduler.shapes import Shape

from .histories import Player, Step, capacities, steps
from .oracle import PlainElastic

EASY = Settings(bound=300.0, hold=40.0)
PLAIN = Settings(bound=300.0, hold=40.0, backfill=False, fair=False)


def player(nodes: tuple[tuple[int, int, int], ...], *, at_once: bool, chosen: Settings = EASY) -> Player:
    made = Player(Scheduler(Elastic(chosen), FIFO(), at_once=at_once))
    made.set_nodes(nodes)
    return made


def check_books(scheduler: Scheduler) -> None:
    """What is free is what is not granted, and no node holds more than it has, unless cores alone do."""
    room, applications = scheduler.cluster.room, scheduler.cluster.applications.values()
    free = list(room.capacities)
    going: dict[int, Shape] = {}
    elastic = [False] * len(free)
    for a in applications:
        for d in a.request.demands:
            for number, node in enumerate(a.placed[d.key]):
                free[node] = free[node].plus(d.shape, -1)
                elastic[node] = elastic[node] or (number >= d.core and not a.leaving)
            for node in a.going.get(d.key, ()):
                going[node] = going.get(node, Shape()).plus(d.shape)
        assert len({len(a.placed[d.key]) == len(a.since[d.key]) for d in a.request.demands}) == 1
    assert (room.free, room.going) == (free, {node: each for node, each in going.items() if any(each)})
    for node, left in enumerate(free):
        assert min(left) >= 0 or not elastic[node]


def check_cores(scheduler: Scheduler) -> None:
    for a in scheduler.cluster.applications.values():
        assert a.served or not any(a.placed.values()), "who waits holds nothing"


def firm(scheduler: Scheduler) -> list[Shape]:
    room = list(scheduler.cluster.room.free)
    for a in scheduler.cluster.applications.values():
        if not a.leaving:
            for d in a.request.demands:
                for node in a.placed[d.key][d.core :]:
                    room[node] = room[node].plus(d.shape)
        if a.planned:
            for d in a.request.demands:
                for node in a.planned.get(d.key, ()):
                    room[node] = room[node].plus(d.shape, -1)
    return room


def fits(application: Application, room: list[Shape]) -> bool:
    """Whether the core instances that it lacks have room there, in whichever way (see test_packing)."""
    wishes = [(d.shape, d.core - len(application.placed[d.key])) for d in application.request.demands]
    return packing.fits(level.Level(room), [(shape, lack) for shape, lack in wishes if lack > 0])


def could_fit(application: Application, capacities: list[Shape]) -> bool:
    """Whether its core fits on empty nodes; core that was asked for later beside the core that there is."""
    request = application.request.of or application.request
    return packing.fits(level.Level(capacities), request.core_wish)


@settings(max_examples=300)
@given(capacities(), steps(), st.booleans())
def test_books_cores_and_idempotence(
    nodes: tuple[tuple[int, int, int], ...], played: list[Step], at_once: bool
) -> None:
    made = player(nodes, at_once=at_once)
    cores: dict[str, dict[str, int]] = {}

    def check() -> None:
        check_books(made.scheduler)
        check_cores(made.scheduler)
        for a in made.scheduler.cluster.applications.values():
            if a.id in cores:
                assert a.served, "a core is never taken back"
            if a.served:
                cores[a.id] = {}
        before = state(made.scheduler)
        assert made.scheduler.decide(made.now) == []
        assert state(made.scheduler) == before

    made.play(played, check)


def state(scheduler: Scheduler) -> object:
    return {a.id: (a.placed, a.going, a.planned, a.served) for a in scheduler.cluster.applications.values()}


@settings(max_examples=200)
@given(capacities(), steps(), st.booleans())
def test_nobody_waits_whose_core_would_fit(
    nodes: tuple[tuple[int, int, int], ...], played: list[Step], at_once: bool
) -> None:
    """The first in line, at least: behind it, room may be kept for it."""
    made = player(nodes, at_once=at_once, chosen=PLAIN)

    def check() -> None:
        cluster = made.scheduler.cluster
        waiting = [a for a in cluster.waiting(made.now) if not a.planned and could_fit(a, cluster.room.capacities)]
        overdue = [a for a in waiting if made.now >= a.request.submitted + 300.0]
        first = min(overdue, key=lambda a: (a.request.submitted, a.id), default=waiting[0] if waiting else None)
        broken = any(a.broken for a in cluster.applications.values())
        if first is not None and not broken:
            assert not fits(first, firm(made.scheduler))

    made.play(played, check)


@settings(max_examples=200)
@given(capacities(), steps(), st.booleans())
def test_nothing_that_fits_stays_idle(
    nodes: tuple[tuple[int, int, int], ...], played: list[Step], at_once: bool
) -> None:
    made = player(nodes, at_once=at_once)

    def check() -> None:
        cluster = made.scheduler.cluster
        if cluster.room.going or any(a.planned for a in cluster.applications.values()):
            return
        for a in cluster.serving(made.now):
            for d in a.request.demands:
                if a.missing(d) > 0 and not a.broken and cluster.accounts.room(a.request.party, d.shape):
                    assert cluster.room.find(d.shape) is None

    made.play(played, check)


@settings(max_examples=100)
@given(capacities(), steps(), st.booleans())
def test_the_same_history_gives_the_same_decisions(
    nodes: tuple[tuple[int, int, int], ...], played: list[Step], at_once: bool
) -> None:
    one, other = player(nodes, at_once=at_once), player(nodes, at_once=at_once)
    assert one.play(played) == other.play(played)


@settings(max_examples=100)
@given(capacities(), steps(), st.booleans())
def test_time_alone_leads_to_a_rest(nodes: tuple[tuple[int, int, int], ...], played: list[Step], at_once: bool) -> None:
    made = player(nodes, at_once=at_once)
    made.play(played)
    for _ in range(60):
        due = made.scheduler.due(made.now)
        if due is None:
            break
        made.now = due
        for a in made.scheduler.cluster.applications.values():
            for key, going in a.going.items():
                made.scheduler.gone(a.id, key, len(going))
        made.scheduler.decide(made.now)
    made.now += 1e7
    last = [made.scheduler.decide(made.now + 1e7 * n) for n in range(5)]
    assert last[-1] == []


@settings(max_examples=int(os.environ.get("ZOE_EXAMPLES", "300")))
@given(
    capacities(),
    steps(),
    st.booleans(),
    st.sampled_from((EASY, PLAIN, Settings(bound=1e6, hold=0.0), Settings(bound=1e6, hold=40.0, fair=False, batch=3))),
    st.sampled_from(("fifo", "sjf", "srpt", "hrrn", "sjf-share", "dynsize")),
    st.sampled_from((0, 24)),
)
def test_the_indexes_decide_what_a_plain_search_decides(
    nodes: tuple[tuple[int, int, int], ...], played: list[Step], at_once: bool, chosen: Settings, named: str, few: int
) -> None:
    """The oracle looks through everything each time."""
    quick = Player(Scheduler(Elastic(chosen), order(named), at_once=at_once))
    plain = Player(Scheduler(PlainElastic(chosen), order(named), at_once=at_once))
    for each in (quick, plain):
        each.set_nodes(nodes)
    with mock.patch.object(level, "_FEW", few):
        _compare(quick, plain, played)


def _compare(quick: Player, plain: Player, played: list[Step]) -> None:
    for step in played:
        decided = []
        for each in (quick, plain):
            each.do(step)
            decided.append(each.scheduler.decide(each.now))
        assert decided[0] == decided[1]
        assert state(quick.scheduler) == state(plain.scheduler)
        assert quick.scheduler.due(quick.now) == plain.scheduler.due(plain.now)
