"""A template, bound to one instance: what is known only here is put in its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...model import references
from ...model.plan import ProcessPlan
from .files import make_folder, write_atomically
from .output import secrets_in
from .settings import LocalSettings


@dataclass(frozen=True)
class Launch:
    """Everything to start one instance with. Holds secrets."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    files: Mapping[str, str]
    headers: Mapping[str, Mapping[str, str]]
    """By the name of the port."""

    @property
    def secrets(self) -> frozenset[str]:
        """Texts that must not be shown."""
        headers = [value for port in self.headers.values() for value in port.values()]
        return secrets_in([*self.files.values(), *self.environment.values(), *headers])

    def write_files(self, folder: Path) -> None:
        """Make the files anew. Raises OSError."""
        make_folder(folder)
        for name, content in self.files.items():
            write_atomically(folder / name, content)


def bind(
    template: ProcessPlan, settings: LocalSettings, *, ordinal: int, ports: Mapping[str, int], folder: Path
) -> Launch:
    """Raises InvalidDocument for a reference that nobody knows."""
    values = {
        "self.host": settings.host,
        "self.ordinal": str(ordinal),
        "self.folder": str(folder),
        "framework.folder": str(settings.framework_folder(template.framework)),
        "cache": str(settings.cache_folder / template.framework),
        "python": settings.python,
        **{f"self.port.{name}": str(number) for name, number in ports.items()},
    }

    def text(value: str) -> str:
        return references.bind(value, values)

    return Launch(
        command=tuple(map(text, template.command)),
        environment={name: text(value) for name, value in template.environment.items()},
        files={file.path: text(file.content) for file in template.files},
        headers={port.name: {name: text(value) for name, value in port.headers.items()} for port in template.ports},
    )
