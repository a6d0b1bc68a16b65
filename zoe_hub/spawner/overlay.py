"""What a plan adds to the spawner that starts its server. What the administrator set stays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from traitlets.config import Configurable

from ..client import ProcessView
from ..model.references import bind


def environment_of(process: ProcessView, references: Mapping[str, str]) -> dict[str, str]:
    """The process's environment with its references bound. Raises InvalidDocument for one that is not known here."""
    return {name: bind(text, references) for name, text in process.environment.items()}


def merge_environment(
    environment: dict[str, str], added: Mapping[str, str], inherited: list[str], explicit: Mapping[str, Any]
) -> dict[str, str]:
    """`environment` with what is `added`, which yields to all but what was merely inherited from the Hub's own."""
    for name, value in added.items():
        if name not in environment or (name in inherited and name not in explicit):
            environment[name] = value
    return environment


def settings_of(process: ProcessView, references: Mapping[str, str]) -> dict[str, Any]:
    """Values for a spawner's settings: command, image and limits, as far as the plan has them."""
    wanted = {
        "cmd": [bind(part, references) for part in process.command],
        "image": process.image,
        "mem_limit": process.resources.memory,
        "cpu_limit": process.resources.cpu,
    }
    return {name: value for name, value in wanted.items() if value}


@contextmanager
def applied(spawner: Configurable, settings: Mapping[str, Any]) -> Iterator[None]:
    """Set those that the spawner has and that nobody else has set, for the time of its start."""
    before: dict[str, Any] = {}
    for name, value in settings.items():
        if spawner.has_trait(name) and not is_set(spawner, name):
            before[name] = getattr(spawner, name)
            setattr(spawner, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(spawner, name, value)


def is_set(spawner: Configurable, name: str) -> bool:
    """Whether a setting was configured, or changed by a hook or a group's override."""
    sections = [section for section in type(spawner).section_names() if section in spawner.config]
    if any(name in spawner.config[section] for section in sections):
        return True
    return bool(getattr(spawner, name) != spawner.trait_defaults(name))
