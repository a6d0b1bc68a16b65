"""Names of images, as an engine reads them. Pure."""

from __future__ import annotations

import re

from ...model.errors import InvalidDocument

_HUB = "docker.io"
_OFFICIAL = "library/"
"""What that registry puts before names without a slash."""
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_PORT = r":[0-9]+"
# What has neither a dot nor a port is the first part of a name, which has small letters only.
_REGISTRY = rf"(?:(?:localhost|{_LABEL}(?:\.{_LABEL})+|\[[0-9A-Fa-f:]+\])(?:{_PORT})?|{_LABEL}{_PORT})"
_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_NAME = re.compile(
    rf"(?P<path>(?:{_REGISTRY}/)?{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[+._-][A-Za-z][A-Za-z0-9]*)*:[0-9A-Fa-f]{32,256}))?"
)
_IDENTIFIER = re.compile(r"sha256:[0-9a-f]{64}")
_LONGEST = 1000


def check(image: str) -> None:
    """Raises InvalidDocument for what no image can be called.

    A framework may put a parameter into the name. What is no name must not come into the engine's addresses.
    """
    if len(image) > _LONGEST or not (_IDENTIFIER.fullmatch(image) or _NAME.fullmatch(image)):
        shown = image if len(image) <= 100 else f"{image[:100]}…"
        raise InvalidDocument(f"{shown!r} is not the name of an image")


def spelled_out(image: str) -> str:
    """With registry and tag, so that all spellings of a name are the same: ``dask`` is docker.io/library/dask:latest.

    A name with a digest is what that says, whatever its tag: it keeps both.
    """
    match = _NAME.fullmatch(image)
    if match is None or _IDENTIFIER.fullmatch(image):
        return image
    path, tag, digest = match["path"], match["tag"], match["digest"]
    registry = registry_of(path)
    if registry in (_HUB, f"index.{_HUB}"):
        rest = path.partition("/")[2] if path.startswith((f"{_HUB}/", f"index.{_HUB}/")) else path
        path = f"{_HUB}/{rest if '/' in rest else _OFFICIAL + rest}"
    if digest:
        return f"{path}{f':{tag}' if tag else ''}@{digest}"
    return f"{path}:{tag or 'latest'}"


def registry_of(image: str) -> str:
    """The registry that an image's name names; Docker's own where it names none."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else _HUB
