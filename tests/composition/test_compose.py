from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoe_hub.composition import compose, not_runnable, rescale
from zoe_hub.model.errors import InvalidDocument, InvalidParameter, InvalidRequest, UnknownName
from zoe_hub.model.plan import Plan
from zoe_hub.model.references import bind, names

from .examples import CLUSTER, framework, zapp

FRAMEWORKS = {"cluster": framework()}

printable = st.text(st.characters(min_codepoint=32, exclude_categories=("Cs",), exclude_characters="\x7f"), max_size=60)
choices = st.fixed_dictionaries(
    {},
    optional={
        "workers": st.integers(0, 20),
        "memory": st.integers(1, 64 * 2**30),
        "label": printable,
    },
)


@given(choices)
def test_the_same_input_gives_the_same_plan(parameters: dict[str, Any]) -> None:
    first = compose(zapp(), parameters, FRAMEWORKS).model_dump_json()
    assert compose(zapp(), dict(reversed(parameters.items())), FRAMEWORKS).model_dump_json() == first


@given(choices)
def test_a_plan_survives_being_stored(parameters: dict[str, Any]) -> None:
    plan = compose(zapp(), parameters, FRAMEWORKS)
    assert Plan.model_validate(json.loads(plan.model_dump_json())) == plan


@given(choices)
def test_every_value_is_resolved(parameters: dict[str, Any]) -> None:
    plan = compose(zapp(), {**parameters, "label": "x"}, FRAMEWORKS)
    for process in plan.processes:
        texts = [*process.command, *process.environment.values(), *(file.content for file in process.files)]
        assert not any("{{" in text for text in texts)
    worker = plan.process("cluster.worker")
    assert worker.core + worker.elastic == plan.parameters["workers"]
    assert worker.resources.memory == plan.parameters["memory"] + 100 * 2**20  # type: ignore[operator]


@given(printable)
def test_a_users_text_can_become_neither_template_nor_reference(text: str) -> None:
    plan = compose(zapp(), {"label": text}, FRAMEWORKS)
    content = plan.process("cluster.master").files[0].content
    assert names(content) == {"secret.auth"}
    assert bind(content, {"secret.auth": "S"}) == f"secret S\nlabel {text}\n"


@given(printable)
def test_binding_in_two_steps_is_binding_in_one(text: str) -> None:
    content = compose(zapp(), {"label": text}, FRAMEWORKS).process("cluster.master").files[0].content
    halfway = bind(content, {"secret.auth": "a$b${c}$$"}, partial=True)
    assert bind(halfway, {}) == bind(content, {"secret.auth": "a$b${c}$$"})


def test_defaults_and_numbers() -> None:
    plan = compose(zapp(), {}, FRAMEWORKS)
    worker = plan.process("cluster.worker")
    assert (worker.core, worker.elastic) == (1, 2)
    assert worker.command == ("work", "2048m", "${master.host}:${master.port.rpc}")
    assert worker.environment == {"FAST": "true"}
    assert plan.scales == "workers"
    assert plan.attachable
    assert plan.core.memory == (200 + 2048 + 100) * 2**20


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"workers": 21}, "workers: 21 is out of bounds: from 0 to 20"),
        ({"workers": "many"}, "workers: 'many' is no whole number"),
        ({"wokers": 1}, "wokers: there is no such parameter; did you mean workers?"),
        ({"memory": "2 GB of it"}, "write a number and a unit"),
        ({"label": "two\nlines"}, "label: the text holds a control character"),
    ],
)
def test_a_wrong_value_is_named(parameters: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        compose(zapp(), parameters, FRAMEWORKS)
    assert sentence in str(caught.value)


def test_a_value_without_a_default_must_be_given() -> None:
    app = zapp(parameters=[{"name": "workers", "type": "integer"}], frameworks=[{"framework": "cluster"}])
    with pytest.raises(InvalidParameter, match="workers: a value is needed"):
        compose(app, {}, FRAMEWORKS)


def test_an_unknown_framework_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'cluster'"):
        compose(zapp(frameworks=[{"framework": "clutser"}]), {}, FRAMEWORKS)


def test_a_reference_to_nothing_is_refused_before_anything_starts() -> None:
    broken = framework(processes=[{"name": "master", "command": ["run", "${secret.nothing}"]}], client=None)
    with pytest.raises(InvalidDocument, match=r"process master.*\$\{secret.nothing\}"):
        compose(zapp(), {}, {"cluster": broken})


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'a' * 999999999 }}",
        "{% for i in range(10) %}x{% endfor %}",
        "{{ label.__class__ }}",
        "{{ range(99) }}",
        "{{ [1] * 999999999 }}",
        "{{ 2 ** 99999 }}",
        "{{ label | center(99999999) }}",
        "{{ nothing }}",
        "{{",
    ],
)
def test_templates_are_expressions_that_end_at_once(template: str) -> None:
    part = {"framework": "cluster", "options": {"label": template}}
    with pytest.raises(InvalidDocument, match="label"):
        compose(zapp(frameworks=[part]), {}, FRAMEWORKS)


@pytest.mark.parametrize(
    "template",
    [
        "{{ 1 | round(-1000000000) }}",
        "{{ 1.5 | round(1000000000, 'ceil') }}",
        "{{ 1.5 | round(precision=2.5) }}",
        "{{ " + "([" * 60 + "'\\\\'" + "] | string)" * 60 + " }}",
        "{{ [[workers]] | max ~ '' }}",
        "{{ " + " * ".join(["(1e308 | int)"] * 50) + " % 7 }}",
    ],
)
def test_a_template_cannot_make_numbers_or_texts_without_end(template: str) -> None:
    mine = zapp(frameworks=[{"framework": "cluster", "options": {"label": template}}])
    with pytest.raises(InvalidDocument, match="cannot be resolved"):
        compose(mine, {}, FRAMEWORKS)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ (workers / 7) | round(2) }}", "0.43"),
        ("{{ 'many' if workers in [3, 4] else 'few' }}", "many"),
        ("{{ [workers, 5] | max }}", "5"),
    ],
)
def test_what_templates_are_for(template: str, text: str) -> None:
    mine = zapp(frameworks=[{"framework": "cluster", "options": {"label": template}}])
    assert f"label {text}\n" in compose(mine, {}, FRAMEWORKS).process("cluster.master").files[0].content


def test_a_dollar_sign_before_a_value_is_refused() -> None:
    process = {"name": "master", "command": ["run", "${{ label }}"]}
    with pytest.raises(InvalidDocument, match="dollar sign"):
        compose(zapp(), {}, {"cluster": framework(processes=[process], client=None)})
    escaped = framework(processes=[{**process, "command": ["run", "$${{ label }}"]}], client=None)
    plan = compose(zapp(), {"label": "{secret.auth}"}, {"cluster": escaped})
    assert bind(plan.processes[0].command[1], {}) == "${secret.auth}"


@given(st.integers(0, 20), st.integers(0, 20))
def test_scaling_changes_counts_only(before: int, after: int) -> None:
    plan = compose(zapp(), {"workers": before}, FRAMEWORKS)
    assert rescale(plan, {"workers": after}, FRAMEWORKS) == compose(zapp(), {"workers": after}, FRAMEWORKS)


def test_what_does_not_scale_needs_a_swap() -> None:
    plan = compose(zapp(), {}, FRAMEWORKS)
    with pytest.raises(InvalidRequest, match="memory cannot change while it runs; swap"):
        rescale(plan, {"memory": "4 GiB"}, FRAMEWORKS)
    assert rescale(plan, {"memory": "2 GiB", "workers": 3}, FRAMEWORKS) == plan


def test_no_value_is_no_size() -> None:
    plan = compose(zapp(), {"workers": 3}, FRAMEWORKS)
    for name in ("workers", "memory"):
        with pytest.raises(InvalidParameter, match=f"{name}: null is no value; give one, or leave the parameter out"):
            rescale(plan, {name: None}, FRAMEWORKS)


def test_scaling_under_a_changed_framework_is_refused() -> None:
    plan = compose(zapp(), {}, FRAMEWORKS)
    processes = [{**CLUSTER["processes"][0], "command": ["other"]}, CLUSTER["processes"][1]]
    with pytest.raises(InvalidRequest, match="swap"):
        rescale(plan, {"workers": 4}, {"cluster": framework(processes=processes)})


def test_a_framework_does_not_run_alone() -> None:
    assert "Start a ZApp that contains it: app" in str(not_runnable(FRAMEWORKS["cluster"], [zapp()]))
    needing = framework(options=[{"name": "data", "type": "string"}])
    assert "it needs configuration (data)" in str(not_runnable(needing, []))
