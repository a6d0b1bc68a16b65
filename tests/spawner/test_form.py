"""The shop as a form: what a person sees, what the browser sends back, and what must never get through."""

from __future__ import annotations

from typing import Any

import pytest

from tests.spawner.hub import Form
from zoe_hub.client import ZAppView
from zoe_hub.client.views import CostView, ParameterView, PreviewView
from zoe_hub.model.errors import InvalidParameter, ServiceUnavailable
from zoe_hub.spawner.form import render_away, render_shop
from zoe_hub.spawner.options import choice_from_form, choice_from_options


def view(name: str = "lab", *parameters: dict[str, Any], **more: Any) -> ZAppView:
    return ZAppView(name=name, parameters=tuple(ParameterView(**p) for p in parameters), **more)


EVERY_KIND = view(
    "lab",
    {"name": "workers", "type": "integer", "default": 2, "minimum": 1, "maximum": 9, "help": "How many."},
    {"name": "share", "type": "number", "default": 0.5},
    {"name": "memory", "type": "memory", "default": 1073741824, "minimum": "256 MiB"},
    {"name": "fast", "type": "boolean", "default": True},
    {"name": "label", "type": "string", "default": "x"},
    {"name": "level", "type": "string", "choices": ("low", "high"), "default": "low"},
)


def submit(form: Form) -> dict[str, list[str]]:
    return {name: [value] for name, value in form.fields.items()}


def test_every_kind_of_parameter_comes_back_as_its_default() -> None:
    form = Form.read(render_shop([EVERY_KIND], "lab", {}))
    assert choice_from_form(submit(form), "").parameters == {
        "workers": "2", "share": "0.5", "memory": "1 GiB", "fast": "true", "label": "x", "level": "low",
    }  # fmt: skip


def test_bounds_and_help_are_on_the_page() -> None:
    html = render_shop([EVERY_KIND], "lab", {})
    assert 'type="number"' in html
    assert 'min="1"' in html
    assert 'max="9"' in html
    assert "How many. From 1 to 9." in html
    assert "At least 256 MiB." in html
    assert form_choices(html, "lab.level") == ["low", "high"]


def test_each_application_says_whether_it_would_start_now() -> None:
    html = render_shop(
        [view("plain"), EVERY_KIND],
        "lab",
        {},
        {"lab": PreviewView(outlook="Would have to wait in the queue: <2 ahead>.")},
    )
    assert html.count("Would have to wait") == 1
    assert "queue: &lt;2 ahead&gt;." in html


def test_what_costs_too_much_stands_out() -> None:
    costs = (CostView(dimension="cpu", sentence="Too much!", too_much=True), CostView(sentence="Fits."))
    html = render_shop([EVERY_KIND], "lab", {}, {"lab": PreviewView(costs=costs)})
    assert 'class="card-text mb-1 zoe-quiet zoe-too-much">Too much!' in html
    assert 'class="card-text mb-1 zoe-quiet">Fits.' in html


def form_choices(html: str, name: str) -> list[str]:
    return Form.read(html).choices[name]


def test_the_last_choice_is_marked_and_filled_in() -> None:
    form = Form.read(
        render_shop([view("plain"), EVERY_KIND], "lab", {"workers": 7, "memory": 3 * 2**29, "fast": False})
    )
    assert form.fields["zapp"] == "lab"
    assert form.fields["lab.workers"] == "7"
    assert form.fields["lab.memory"] == "1.5 GiB"
    assert form.fields["lab.fast"] == "false"


def test_a_choice_that_is_gone_gives_way_to_the_first() -> None:
    assert Form.read(render_shop([EVERY_KIND], "vanished", {"workers": 7})).fields["lab.workers"] == "2"


def test_a_remembered_value_that_is_no_choice_any_more_is_asked_for_again() -> None:
    assert Form.read(render_shop([EVERY_KIND], "lab", {"level": "gone"})).fields["lab.level"] == ""


def test_an_unticked_box_is_false() -> None:
    assert choice_from_form({"zapp": ["lab"], "lab.fast": ["false"]}, "").parameters == {"fast": "false"}
    assert choice_from_form({"zapp": ["lab"], "lab.fast": ["false", "true"]}, "").parameters == {"fast": "true"}


def test_fields_of_what_was_not_chosen_are_left_out() -> None:
    choice = choice_from_form({"zapp": ["lab"], "lab.workers": ["3"], "other.workers": ["9"], "_xsrf": ["t"]}, "")
    assert (choice.zapp, choice.parameters) == ("lab", {"workers": "3"})


def test_a_link_may_name_parameters_alone() -> None:
    assert choice_from_form({"zapp": ["lab"], "workers": ["3"]}, "").parameters == {"workers": "3"}


def test_an_empty_field_means_the_default() -> None:
    assert choice_from_form({"zapp": ["lab"], "lab.workers": [" "]}, "").parameters == {}


EVIL = "<script>alert(1)</script>\"' onmouseover=alert(1) {{ 7*7 }}"


def test_nothing_that_somebody_wrote_becomes_markup() -> None:
    parameter = {
        "name": "p", "label": EVIL, "help": EVIL, "default": EVIL, "choices": (EVIL,), "type": "string",
    }  # fmt: skip
    evil = view("evil", parameter, title=EVIL, description=EVIL, icon=EVIL)
    html = render_shop([evil], "evil", {"p": EVIL})
    html += render_away(ServiceUnavailable(EVIL), EVIL, {EVIL: EVIL})
    assert "<script>alert" not in html
    assert "\"' onmouseover" not in html
    assert "49" not in html
    assert Form.read(html).choices["evil.p"] == [EVIL]


def test_names_are_escaped_too() -> None:
    assert "<b>" not in render_shop([view('"><b>', {"name": '"><b>', "type": "integer"})], "", {}).replace(
        "<b></b>", ""
    )


def test_an_empty_shop_says_what_to_do() -> None:
    assert "Ask your administrator" in render_shop([], "lab", {})


def test_with_the_service_away_the_last_choice_can_still_be_sent() -> None:
    form = Form.read(render_away(ServiceUnavailable("Zoe could not be reached."), "lab", {"fast": True, "workers": 3}))
    assert "Zoe could not be reached." in form.html
    assert "Reload this page" in form.html
    assert choice_from_form(submit(form), "").parameters == {"fast": "true", "workers": "3"}


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"colour": "red"}, "colour"),
        ({"zapp": 7}, "zapp"),
        ({"zapp": ""}, "zapp"),
        ({"parameters": [1]}, "parameters"),
        ({"parameters": {"workers": [1]}}, "workers"),
        ({"parameters": {"workers": None}}, "workers"),
    ],
)
def test_what_rest_sends_is_refused_by_name(options: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        choice_from_options(options, "lab")
    assert caught.value.parameter == named


def test_nothing_chosen_is_the_default() -> None:
    assert choice_from_options({}, "lab").zapp == "lab"


def test_keys_of_the_administrators_own_hooks_pass() -> None:
    assert choice_from_options({"image": "x"}, "lab", {"image"}).parameters == {}
    assert choice_from_options({"anything": "x"}, "lab", None).zapp == "lab"
