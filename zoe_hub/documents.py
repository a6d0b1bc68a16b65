"""Reads YAML documents strictly, and says in which line something is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from .model.base import Document
from .model.errors import InvalidDocument

MAX_SIZE = 512 * 1024
"""Bytes of one file."""
MAX_DEPTH = 24
MAX_VALUES = 20_000

D = TypeVar("D", bound=Document)


def read_document(path: Path, kind: type[D]) -> D:
    """The document in a file. Raises InvalidDocument with path, line and reason."""
    try:
        if path.stat().st_size > MAX_SIZE:
            raise InvalidDocument(f"the file is larger than {MAX_SIZE // 1024} KiB", path=str(path))
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidDocument(f"it cannot be read: {error}", path=str(path)) from error
    return parse_document(text, kind, path=str(path))


def parse_document(text: str, kind: type[D], path: str = "") -> D:
    """The document in a text. Raises InvalidDocument with path, line and reason."""
    root = _compose(text, path)
    if not isinstance(root, yaml.MappingNode):
        raise InvalidDocument(f"a {kind.__name__} is a mapping of keys to values", path=path, line=1)
    try:
        return kind.model_validate(_Constructor(path).build(root))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        reason = f"{place}: {_sentence(first)}" if place else _sentence(first)
        raise InvalidDocument(reason, path=path, line=_line(root, first["loc"])) from error


def _compose(text: str, path: str) -> yaml.Node | None:
    try:
        loader = yaml.SafeLoader(text)
        try:
            return loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        raise InvalidDocument(f"no valid YAML: {error.problem}", path=path, line=line) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise InvalidDocument(f"no valid YAML: {error}", path=path) from error


class _Constructor:
    """Builds plain values; counts what it builds, so that aliases cannot multiply without end."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._left = MAX_VALUES
        self._yaml = yaml.SafeLoader("")

    def build(self, node: yaml.Node, depth: int = 0) -> Any:
        self._left -= 1
        if self._left < 0:
            raise self._error(node, f"more than {MAX_VALUES} values, aliases counted each time")
        if depth > MAX_DEPTH:
            raise self._error(node, f"nested deeper than {MAX_DEPTH} levels")
        if not node.tag.startswith("tag:yaml.org,2002:"):
            raise self._error(node, f"the tag {node.tag} is not taken")
        if isinstance(node, yaml.SequenceNode):
            return [self.build(child, depth + 1) for child in node.value]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth)
        try:
            return self._yaml.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            raise self._error(node, f"{node.value!r} is no valid value: {error}") from error

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Any]:
        seen: set[Any] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise self._error(key, f"the key {key.value!r} stands twice")
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else id(key))
        self._yaml.flatten_mapping(node)
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self.build(key_node, depth + 1)
            if not isinstance(key, str):
                raise self._error(key_node, f"the key {key!r} is no text")
            result[key] = self.build(value_node, depth + 1)
        return result

    def _error(self, node: yaml.Node, reason: str) -> InvalidDocument:
        return InvalidDocument(reason, path=self._path, line=node.start_mark.line + 1)


def _line(root: yaml.Node, location: tuple[int | str, ...]) -> int:
    node = root
    line = root.start_mark.line + 1
    for part in location:
        child: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == part:
                    child, line = value, key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            child = node.value[part]
            line = child.start_mark.line + 1
        if child is not None:
            node = child
    return line


def _sentence(error: Any) -> str:
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        return "there is no such key"
    if error["type"] == "missing":
        return "this key is missing"
    return message[:1].lower() + message[1:]
