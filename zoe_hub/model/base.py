"""What all documents of the model share: frozen, strict about unknown keys."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints


class Document(BaseModel):
    """A frozen value. Unknown keys are refused, so that a misspelt one is seen."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


NAME = r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"

Name = Annotated[str, StringConstraints(pattern=NAME)]
"""1 to 63 lowercase letters, digits and inner hyphens, a letter first: legal as a DNS label."""

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]
"""A name that is also a variable of the template language and of Python."""

EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]

_FORBIDDEN = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069"
"""Controls of terminals, and those that turn the direction of what is written around them."""

Line = Annotated[str, StringConstraints(max_length=80, pattern=rf"^[^\t\n\r{_FORBIDDEN}]*$")]
"""One line for people: shown on pages and terminals, other people's among them."""

Prose = Annotated[str, StringConstraints(max_length=4000, pattern=rf"^[^{_FORBIDDEN}]*$")]
"""Lines for people."""

Text = Annotated[str, StringConstraints(max_length=20_000)]
"""Prose, a command's argument or a file's content; may hold templates and references."""
