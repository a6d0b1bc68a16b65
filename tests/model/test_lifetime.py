from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from zoe_hub.model.errors import InvalidDocument, InvalidParameter
from zoe_hub.model.lifetime import ExpiryCause, Lifetime, LifetimePolicy
from zoe_hub.model.zapp import Category, LifetimeWish, Part, ZApp

HOUR = 3600


def a_zapp(category: Category = Category.INTERACTIVE, **lifetime: Any) -> ZApp:
    return ZApp(
        apiVersion="zoe/v1", kind="ZApp", name="toy", title="Toy", category=category,
        frameworks=(Part(framework="toy"),),
        lifetime=LifetimeWish(**lifetime),
    )  # fmt: skip


def resolved(
    policy: LifetimePolicy, zapp: ZApp, server: bool = False, attachable: bool = True, **asked: Any
) -> Lifetime:
    return policy.resolve(zapp, LifetimeWish(**asked), attachable=attachable, server=server)


def test_defaults_end_what_nobody_else_would() -> None:
    found = resolved(LifetimePolicy(), a_zapp())
    assert (found.idle_while(tied=True), found.idle_while(tied=False)) == (0, HOUR)
    assert (found.maximum, found.keep, found.warning) == (0, 24 * HOUR, 300)


@pytest.mark.parametrize("category", [Category.BATCH, Category.SUPPORT])
def test_work_that_ends_by_itself_or_is_for_everybody_is_not_ended_as_idle(category: Category) -> None:
    assert resolved(LifetimePolicy(idle=HOUR), a_zapp(category)).idle_while(tied=False) == 0


def test_whoever_starts_it_is_heard_before_the_zapp_and_the_zapp_before_the_default() -> None:
    zapp = a_zapp(idle="2h", maximum="1 day")
    said = resolved(LifetimePolicy(), zapp)
    assert (said.idle, said.detached_idle, said.maximum) == (2 * HOUR, 2 * HOUR, 24 * HOUR)
    asked = resolved(LifetimePolicy(), zapp, idle="30 min", maximum="never")
    assert (asked.idle, asked.detached_idle, asked.maximum) == (HOUR // 2, HOUR // 2, 0)


def test_ceilings_cut_zapps_and_refuse_wishes() -> None:
    policy = LifetimePolicy(maximum_ceiling=HOUR, idle_ceiling=HOUR, keep_ceiling=HOUR)
    found = resolved(policy, a_zapp(idle="never", maximum="2h", keep="2h"))
    assert (found.idle, found.detached_idle, found.maximum, found.keep) == (HOUR, HOUR, HOUR, HOUR)
    assert resolved(policy, a_zapp(), keep=0).keep == 0
    for name, value in (("maximum", "never"), ("maximum", "61 min"), ("idle", "never"), ("keep", "2h")):
        with pytest.raises(InvalidParameter, match=f"lifetime.{name}: .* is beyond 60 minutes, the longest"):
            resolved(policy, a_zapp(), **{name: value})


def test_the_hub_decides_when_a_notebook_server_is_idle() -> None:
    policy = LifetimePolicy(idle=HOUR, idle_ceiling=HOUR)
    found = resolved(policy, a_zapp(maximum="1 day"), server=True)
    assert (found.idle, found.detached_idle, found.maximum) == (0, 0, 24 * HOUR)
    with pytest.raises(InvalidParameter, match="JupyterHub decides when that is idle"):
        resolved(policy, a_zapp(), server=True, idle="1h")
    with pytest.raises(InvalidDocument, match="ZApp toy: it has a notebook server"):
        resolved(policy, a_zapp(idle="1h"), server=True)


def test_a_wish_that_is_no_span_of_time() -> None:
    with pytest.raises(ValidationError, match="write a number and a unit, such as 90 min"):
        LifetimeWish.model_validate({"idle": "soon"})


def test_why_it_ended_and_what_to_do() -> None:
    lifetime = Lifetime(idle=2 * HOUR, detached_idle=HOUR, maximum=12 * HOUR, keep=24 * HOUR)
    assert ExpiryCause.IDLE.why(lifetime, tied=False) == "idle for 60 minutes"
    assert ExpiryCause.IDLE.why(lifetime, tied=True) == "idle for 2 hours"
    assert "12 hours" in ExpiryCause.MAXIMUM.why(lifetime, tied=True)
    assert "24 hours" in ExpiryCause.IDLE.advice(lifetime)
    assert "keep" not in ExpiryCause.IDLE.advice(lifetime.model_copy(update={"keep": 0}))
