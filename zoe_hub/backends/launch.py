"""A template, bound to one instance: what is known only here is put in its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..model import references
from ..model.plan import ProcessPlan
from .files import make_folder, write_atomically
from .output import secrets_in


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


def bind(template: ProcessPlan, values: Mapping[str, str]) -> Launch:
    """`values` are those of all references that only the engine knows. Raises InvalidDocument for another one."""

    def text(value: str) -> str:
        return references.bind(value, values)

    return Launch(
        command=tuple(map(text, template.command)),
        environment={name: text(value) for name, value in template.environment.items()},
        files={file.path: text(file.content) for file in template.files},
        headers={port.name: {name: text(value) for name, value in port.headers.items()} for port in template.ports},
    )
