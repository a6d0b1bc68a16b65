"""From a template and what an operation answered to a page. Nothing here asks for data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

import jinja2
from markupsafe import Markup

from ...model.durations import format_seconds
from ...model.execution import ExecutionState
from ...model.pictures import picture
from ...model.resources import format_bytes, format_hours
from ...translations import catalogue_of, known_language

_STATE_WORDS = {"queued": "waiting", "degraded": "recovering", "stopping": "ending"}
"""Those that people read in other words than programs, the same as in JupyterLab."""
_SHORT = {"cpu": "CPU", "cpus": "CPUs", "gpu": "GPU", "gpus": "GPUs", "ui": "UI", "id": "ID"}
"""Words that are written in capitals."""


def render(template: str, languages: Iterable[str], values: Mapping[str, Any]) -> str:
    """The page in the first of the languages that there is; English otherwise."""
    return _environment(known_language(tuple(languages))).get_template(template).render(values)


@lru_cache(maxsize=16)
def _environment(language: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("zoe_hub.web.pages"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.i18n"],
    )
    catalogue = catalogue_of(language)
    environment.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]
    environment.globals["language"] = language.replace("_", "-")
    states = [each.value for each in ExecutionState]
    environment.globals["state_words"] = {state: catalogue.gettext(state_word(state)) for state in states}
    environment.filters.update(
        memory=format_bytes, duration=format_seconds, moment=moment, number=number, amount=amount, plain=plain,
        first_large=first_large,
        picture=lambda zapp: Markup(picture(zapp.icon, zapp.title or zapp.name)),
    )  # fmt: skip
    return environment


def moment(time: datetime) -> str:
    """A point in time, as everybody reads it the same."""
    return time.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def number(value: float) -> str:
    """A number without what says nothing."""
    return f"{value:g}" if abs(value) < 1e6 else f"{value:.0f}"


def amount(value: float, dimension: str) -> str:
    """So much of a dimension of quotas."""
    if dimension == "cpu_hours":
        return format_hours(value)
    return format_bytes(int(value)) if dimension == "memory" else number(round(value, 2))


def plain(word: str) -> str:
    """An enumeration's or a parameter's word, for people."""
    return " ".join(_SHORT.get(part, part) for part in word.split("_"))


def state_word(state: str) -> str:
    """What an execution's state is called, in English."""
    return _STATE_WORDS.get(state, state)


def first_large(text: str) -> str:
    """With a capital letter at its beginning, and the others as they are."""
    return text[:1].upper() + text[1:]
