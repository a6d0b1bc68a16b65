from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from tests.zoe_server_ext.embedded import until
from zoe_widgets import magics, tasks
from zoe_widgets.links import Link
from zoe_widgets.tasks import Operations


class Shown:
    """A display that remembers."""

    def __init__(self) -> None:
        self.pictures: list[Mapping[str, Any]] = []
        self.cleared = False
        self.click: Any = None

    def on_cancel(self, cancel: Any) -> None:
        self.click = cancel

    def show(self, shown: Mapping[str, Any]) -> None:
        self.pictures.append(shown)

    def clear(self) -> None:
        self.cleared = True


@pytest.fixture
def displays() -> list[Shown]:
    return []


@pytest.fixture(autouse=True)
def on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.switch, "on", True)


def operations(displays: list[Shown], cancel: Any = None) -> Operations:
    def make() -> Any:
        displays.append(Shown())
        return displays[-1]

    times = iter(range(100))
    return Operations("spark-1", cancel, make=make, clock=lambda: next(times))


def report(*stages: tuple[int, int, int], operation: str = "a", done: bool = False) -> dict[str, Any]:
    told = [{"id": i, "tasks": n, "completed": c, "bytes": 1 << 30} for i, (n, c, _) in enumerate(stages)]
    return {"operation": operation, "stages": told, "running": sum(r for _, _, r in stages), "done": done}


def test_tasks_of_all_stages_are_told_and_what_is_done_is_gone(displays: list[Shown]) -> None:
    ours = operations(displays)
    ours.take(report((8, 8, 0), (4, 1, 2)))
    ours.take(report((8, 8, 0), (4, 3, 1)))
    (shown,) = displays
    assert [each["sentence"] for each in shown.pictures] == [
        "9 of 12 tasks · 2 running · 2 GiB read · 1 second",
        "11 of 12 tasks · 1 running · 2 GiB read · 2 seconds",
    ]
    assert shown.pictures[0]["stages"] == [{"id": 1, "tasks": 4, "completed": 1, "bytes": "1 GiB"}]
    assert not shown.cleared
    ours.take(report(done=True))
    assert shown.cleared


def test_quick_queries_show_nothing(displays: list[Shown]) -> None:
    ours = operations(displays)
    ours.take(report())
    ours.take(report(done=True))
    assert displays == []


def test_each_query_has_its_own_display_and_cancel(displays: list[Shown]) -> None:
    cancelled: list[str] = []
    ours = operations(displays, cancelled.append)
    ours.take(report((4, 0, 1), operation="a"))
    ours.take(report((4, 0, 1), operation="b"))
    displays[1].click()
    until(lambda: cancelled)
    assert cancelled == ["b"]
    ours.take(report(operation="b", done=True))
    assert [each.cleared for each in displays] == [False, True]


def test_a_query_goes_on_when_its_progress_cannot_be_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def make() -> Any:
        raise OSError("no display")

    ours = Operations("spark-1", None, make=make)
    ours.take(report((4, 0, 1)))
    ours.take(report((4, 1, 1)))
    assert capsys.readouterr().err == "The progress of spark-1 cannot be shown: OSError: no display\n"


def test_it_can_be_switched_off(displays: list[Shown], monkeypatch: pytest.MonkeyPatch) -> None:
    magics._progress(SimpleNamespace(), ["off"], {})  # type: ignore[arg-type]
    operations(displays).take(report((4, 0, 1)))
    assert displays == []
    magics._progress(SimpleNamespace(), ["on"], {})  # type: ignore[arg-type]
    operations(displays).take(report((4, 0, 1)))
    assert len(displays) == 1
    monkeypatch.setenv("ZOE_PROGRESS", "off")
    assert not tasks.Switch().on


def test_what_a_client_module_cannot_tell_is_not_asked() -> None:
    tasks.watch(Link("bell", SimpleNamespace()), "bell-1")  # type: ignore[arg-type]


def test_a_client_module_is_told_where_to_tell(monkeypatch: pytest.MonkeyPatch, displays: list[Shown]) -> None:
    told: list[Any] = []
    ended: list[Any] = []

    def make() -> Any:
        displays.append(Shown())
        return displays[-1]

    monkeypatch.setattr(tasks, "display_here", make)
    module = SimpleNamespace(
        watch=lambda names, tell: told.append((names, tell)), cancel=lambda names, operation: ended.append(operation)
    )
    tasks.watch(Link("spark", module, {"spark": 1}), "spark-1")  # type: ignore[arg-type]
    ((names, tell),) = told
    assert names == {"spark": 1}
    tell(report((4, 0, 1)))
    displays[0].click()
    until(lambda: ended)
    assert ended == ["a"]
