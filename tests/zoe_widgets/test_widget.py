from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.client.fakes import TOKEN, FakeZoe
from tests.zoe_server_ext.embedded import until
from zoe_widgets import Zoe, calls, settings, widget
from zoe_widgets.attachments import Attached
from zoe_widgets.calls import core_of, run
from zoe_widgets.core import Core
from zoe_widgets.links import Link
from zoe_widgets.portal import Caller

VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "cluster.js"
    path.write_text("export default {}")
    path.with_suffix(".css").write_text("")
    monkeypatch.setattr(widget, "MODULE", path)
    monkeypatch.setattr(widget, "STYLE", path.with_suffix(".css"))
    widget.widget_class.cache_clear()
    yield path
    widget.widget_class.cache_clear()


@pytest.fixture
def core(zoe: FakeZoe) -> Core:
    return core_of(settings.read(zoe.url, TOKEN))


@pytest.fixture
def attached(zoe: FakeZoe, core: Core) -> Attached:
    zoe.submit({"zapp": "spark", "parameters": {"workers": 2}}, "key")
    return core.attachments.add(run(lambda _: core.client.execution("spark-1")))


def click(shown: Any, **wish: Any) -> dict[str, Any]:
    """What the kernel answers."""
    answers: list[dict[str, Any]] = []
    shown.send = answers.append
    shown._handle_custom_msg({"id": 7, **wish}, [])
    answer: dict[str, Any] = until(lambda: answers and answers[0])
    return answer


@pytest.fixture
def shown(module: Path, core: Core, attached: Attached) -> Any:
    # `send` is looked up when it is used, so that `click` can listen.
    return widget.widget_for(core, attached)


def both() -> tuple[str, str]:
    return "<b>spark-1</b>", "spark-1"


def test_where_no_module_was_built_there_is_the_name_beside_the_html(
    core: Core, attached: Attached, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(widget, "MODULE", tmp_path / "nothing.js")
    widget.widget_class.cache_clear()
    bundle, _ = widget.bundle_for(core, attached, both)
    assert bundle == {
        widget.MIME: {"execution": attached.id, "name": "spark-1"},
        "text/html": "<b>spark-1</b>",
        "text/plain": "spark-1",
    }
    widget.widget_class.cache_clear()


def test_the_card_has_html_beside_it_for_where_it_cannot_be_shown(module: Path, core: Core, attached: Attached) -> None:
    bundle, _ = widget.bundle_for(core, attached, both)
    assert bundle[VIEW]["model_id"]
    assert bundle[widget.MIME] == {"execution": attached.id, "name": "spark-1"}
    assert (bundle["text/html"], bundle["text/plain"]) == both()


def test_showing_it_again_shows_the_same_card(module: Path, core: Core, attached: Attached) -> None:
    first, again = (widget.bundle_for(core, attached, both)[0][VIEW] for _ in range(2))
    assert first == again
    attached.card.close()
    assert widget.bundle_for(core, attached, both)[0][VIEW] != first


def test_zoe_itself_shows_what_is_attached_to_this_notebook(
    zoe: FakeZoe, attached: Attached, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "kernel_id", lambda: "kernel-1")
    monkeypatch.setattr(calls, "_cores", {})
    mine = Zoe(zoe.url, TOKEN)
    mine._core.attachments.add(attached.view)
    bundle = mine._repr_mimebundle_()
    assert bundle[widget.MIME] == {"kernel": "kernel-1"}
    assert "spark-1" in bundle["text/html"]
    assert "spark-1" in bundle["text/plain"]


def test_the_card_shows_what_is_seen_of_the_cluster(shown: Any, attached: Attached) -> None:
    assert shown.execution["name"] == "spark-1"
    assert {"plan", "granted", "instances", "life", "ui", "state"} <= shown.execution.keys()
    attached.saw(attached.view.model_copy(update={"reason": "no room"}))
    assert shown.execution["reason"] == "no room"


def test_the_card_says_by_itself_that_the_service_is_away_and_goes_on(
    shown: Any, core: Core, attached: Attached, zoe: FakeZoe
) -> None:
    async def watch(_: Caller) -> None:
        core.keeper.watch(attached, None)

    run(watch)
    zoe.wait_for_follower()
    zoe.__exit__()
    until(lambda: shown.away)
    assert shown.execution["name"] == "spark-1", "what was known is still shown"
    zoe._ready.clear()
    zoe.__enter__()
    until(lambda: not shown.away)
    zoe.wait_for_follower()
    zoe.soon(lambda: zoe.resize("spark-1", 4, "12 tasks wait"))
    until(lambda: shown.execution["parameters"]["workers"] == 4)


def test_a_click_scales_and_the_answer_says_that_it_went_well(shown: Any, zoe: FakeZoe) -> None:
    assert click(shown, do="scale", number=3) == {"id": 7, "error": ""}
    assert zoe.find("spark-1")["parameters"]["workers"] == 3


def test_a_click_lets_it_follow_its_load_and_another_ends_that(shown: Any, zoe: FakeZoe) -> None:
    assert click(shown, do="adapt", minimum=1, maximum=4) == {"id": 7, "error": ""}
    assert zoe.find("spark-1")["adaptation"]["maximum"] == 4
    assert "minimum" in click(shown, do="adapt", minimum="few", maximum=4)["error"]
    assert click(shown, do="stop_adapting") == {"id": 7, "error": ""}
    assert zoe.find("spark-1")["adaptation"] is None


def test_a_click_detaches_and_takes_back_the_names(shown: Any, zoe: FakeZoe, core: Core, attached: Attached) -> None:
    ended: list[Any] = []
    attached.links = [Link("spark", SimpleNamespace(disconnect=ended.append), {})]  # type: ignore[arg-type]
    assert click(shown, do="detach") == {"id": 7, "error": ""}
    assert ended == [{}]
    assert zoe.find("spark-1")["attachment"] is None
    assert zoe.find("spark-1")["desired"] == "running"
    assert core.attachments.get(attached.id) is None


def test_a_click_terminates(shown: Any, zoe: FakeZoe) -> None:
    assert click(shown, do="terminate") == {"id": 7, "error": ""}
    assert zoe.find("spark-1")["desired"] == "terminated"


@pytest.mark.parametrize("wish", [{"do": "explode"}, {"do": "scale", "number": "3"}, {"do": "scale", "number": -1}, {}])
def test_what_is_no_wish_is_refused_with_a_sentence(shown: Any, wish: dict[str, Any], zoe: FakeZoe) -> None:
    assert "does not know" in click(shown, **wish)["error"]
    assert zoe.find("spark-1")["desired"] == "running"


def asked(shown: Any, **wish: Any) -> list[dict[str, Any]]:
    """All that the kernel says, to its last word."""
    said: list[dict[str, Any]] = []
    shown.send = said.append
    shown._handle_custom_msg({"id": 9, **wish}, [])
    until(lambda: said and "error" in said[-1])
    return said


def test_the_card_is_told_what_there_is_to_swap_for_and_what_it_would_need(shown: Any) -> None:
    (answer,) = asked(shown, do="shop")
    assert [zapp["name"] for zapp in answer["result"]] == ["spark"]
    (answer,) = asked(shown, do="plan", zapp="spark", parameters={"workers": 3})
    assert answer["result"]["parameters"]["workers"] == 3
    assert "does not know" in asked(shown, do="plan", zapp=3, parameters={})[-1]["error"]


def test_the_log_comes_as_it_is_written_until_the_card_wants_no_more(shown: Any, zoe: FakeZoe) -> None:
    zoe.log = "erste Zeile: ä\n".encode()
    said = asked(shown, do="logs")
    assert "".join(each.get("chunk", "") for each in said) == "erste Zeile: ä\n"
    assert said[-1] == {"id": 9, "error": ""}


def test_a_swap_by_the_card_puts_another_cluster_in_its_place(
    shown: Any, zoe: FakeZoe, core: Core, attached: Attached
) -> None:
    said = asked(shown, do="swap", zapp="spark", parameters={"workers": 1}, name="other")
    assert said[0] == {"id": 9, "chunk": ""}, "a card that hears nothing would say that the kernel is away"
    assert said[-1] == {"id": 9, "error": ""}
    assert zoe.find("spark-1")["desired"] == "terminated"
    assert shown.execution["name"] == "other"
    new = core.attachments.get("other")
    assert new is not None
    assert widget.widget_for(core, new) is shown
    # What becomes of the old one is not drawn over it.
    attached.saw(attached.view.model_copy(update={"reason": "gone"}))
    assert shown.execution["name"] == "other"


def test_a_swap_that_comes_to_nothing_says_why_and_leaves_the_old_one(shown: Any, zoe: FakeZoe) -> None:
    said = asked(shown, do="swap", zapp="nothing", parameters={}, name="")
    assert "spark-1 stays attached, as it was" in said[-1]["error"]
    assert shown.execution["name"] == "spark-1"
    assert zoe.find("spark-1")["desired"] == "running"
