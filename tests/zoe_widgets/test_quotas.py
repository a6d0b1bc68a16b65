"""How a notebook shows quotas."""

from __future__ import annotations

from zoe_hub.client.quotas import OwnQuotaView
from zoe_widgets.quotas import Quota


def a_view(name: str = "spark-1") -> OwnQuotaView:
    own = {
        "kind": "user",
        "name": "alice",
        "uses": [
            {"dimension": "cpu", "limit": 16, "used": 12, "by": [{"user": "alice", "execution": name, "used": 12}]},
            {"dimension": "memory", "used": 2**30},
            {"dimension": "gpu"},
            {"dimension": "cpu_hours", "limit": 10, "used": 12, "window": 86_400 * 7, "free_in": 7200},
        ],
    }
    group = {
        "kind": "group",
        "name": "staff",
        "uses": [{"dimension": "gpu", "limit": 2, "used": 1, "by": [{"used": 1}]}],
    }
    return OwnQuotaView.model_validate({"user": "alice", "groups": ["staff"], "own": own, "together": [group]})


def test_as_text() -> None:
    assert repr(Quota(a_view())).splitlines() == [
        "you, cpu: 12 of 16; spark-1 (12)",
        "you, memory: 1 GiB, not limited",
        "you, cpu hours in 7 days: 12 of 10, some again in 2 hours",
        "group staff, gpu: 1 of 2; other members (1)",
    ]


def test_as_html_nothing_of_a_name_is_taken_for_html() -> None:
    shown = Quota(a_view("<b>bold"))._repr_html_()
    assert "<b>bold" not in shown
    assert "&lt;b&gt;bold" in shown
