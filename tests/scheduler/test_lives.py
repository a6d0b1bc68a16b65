from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from zoe_hub.model.lifetime import ExpiryCause, Lifetime
from zoe_hub.scheduler.lives import Act, Lived, Verdict, judge

IDLE, MAXIMUM = ExpiryCause.IDLE, ExpiryCause.MAXIMUM


def a_life(**lifetime: int) -> Lived:
    return Lived(lifetime=Lifetime(warning=300, **lifetime), tied=True, began=0, active=0)


def test_an_idle_one_is_warned_then_ended() -> None:
    life = a_life(idle=3600)
    assert judge(life, 3299) == Verdict(Act.NOTHING)
    assert judge(life, 3300) == Verdict(Act.WARN, 3600, IDLE)
    warned = replace(life, expires=3600, cause=IDLE)
    assert judge(warned, 3599).act is Act.NOTHING
    assert judge(warned, 3600) == Verdict(Act.END, 3600, IDLE)


def test_work_takes_a_warning_back() -> None:
    assert judge(replace(a_life(idle=3600), active=3500, expires=3600, cause=IDLE), 3600).act is Act.FORGIVE


def test_keeping_holds_off_idleness_but_not_the_longest_life() -> None:
    life = replace(a_life(idle=3600, maximum=7200), kept=20_000)
    assert judge(life, 6800).act is Act.NOTHING
    assert judge(life, 6900) == Verdict(Act.WARN, 7200, MAXIMUM)


def test_tied_and_detached_ones_have_time_outs_of_their_own() -> None:
    life = a_life(idle=0, detached_idle=600)
    assert judge(life, 10_000).act is Act.NOTHING
    assert judge(replace(life, tied=False), 10_000).act is Act.WARN


def test_one_without_bounds_lives_for_ever_and_forgets_earlier_warnings() -> None:
    assert judge(a_life(), 1e9).act is Act.NOTHING
    assert judge(replace(a_life(), expires=5, cause=IDLE), 1e9).act is Act.FORGIVE


def test_nobody_looked_for_a_day() -> None:
    """What was due long ago still gets its warning."""
    life = a_life(idle=3600)
    assert judge(life, 86_400) == Verdict(Act.WARN, 86_700, IDLE)
    assert judge(replace(life, expires=86_700, cause=IDLE), 86_699).act is Act.NOTHING


def test_a_short_time_out_has_a_short_notice() -> None:
    assert judge(a_life(idle=60), 29).act is Act.NOTHING
    assert judge(a_life(idle=60), 30) == Verdict(Act.WARN, 60, IDLE)


spans = st.one_of(st.just(0), st.integers(1, 5000))


@given(
    lifetime=st.builds(Lifetime, idle=spans, detached_idle=spans, maximum=spans, warning=st.integers(0, 600)),
    steps=st.lists(
        st.tuples(st.integers(1, 2000), st.sampled_from(["", "works", "kept", "attached", "detached"])), max_size=60
    ),
)
def test_any_history(lifetime: Lifetime, steps: list[tuple[int, str]]) -> None:
    """Nothing ends unannounced, while it works, while it is kept, or early; nothing outlives its longest life."""
    life, now, told, last_step = Lived(lifetime=lifetime, tied=True, began=0, active=0), 0, None, 0
    for seconds, happens in steps:
        now, last_step = now + seconds, seconds
        if happens == "works":
            life = replace(life, active=now)
        elif happens == "kept":
            life = replace(life, kept=now + 1000)
            if life.cause is IDLE:
                life = replace(life, expires=None, cause=None)
        elif happens:
            life = replace(life, tied=happens == "attached", active=now)
        verdict = judge(life, now)
        idle = lifetime.idle_while(life.tied)
        if verdict.act is Act.WARN:
            assert verdict.at >= now
            told, life = now, replace(life, expires=verdict.at, cause=verdict.cause)
        elif verdict.act is Act.FORGIVE:
            assert life.expires is not None
            told, life = None, replace(life, expires=None, cause=None)
        elif verdict.act is Act.END:
            assert told is not None
            assert now >= life.expires
            if verdict.cause is IDLE:
                assert idle
                assert now - life.active >= idle
                assert life.kept is None or now >= life.kept
                assert now - told >= min(lifetime.warning, idle / 2)
            else:
                assert now >= lifetime.maximum > 0
                assert now - told >= min(lifetime.warning, lifetime.maximum / 2)
            return
        # It may wait for a step until somebody looks, and for the notice once more when nobody had looked in time.
        if lifetime.maximum and steps:
            longest = max(seconds for seconds, _ in steps)
            assert now < lifetime.maximum + lifetime.warning + 2 * longest
    assert last_step >= 0
