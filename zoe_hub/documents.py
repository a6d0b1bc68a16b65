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
        return kind.model_validate(_construct(root, path, 0))
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
        raise InvalidDocument(f"no valid YAML: {error.problem}", path=path, line=mark.line + 1 if mark else None) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise InvalidDocument(f"no valid YAML: {error}", path=path) from error


_SCALARS = yaml.SafeLoader("")


def _construct(node: yaml.Node, path: str, depth: int, seen: set[int] | None = None) -> Any:
    seen = set() if seen is None else seen
    line = node.start_mark.line + 1
    if id(node) in seen:
        raise InvalidDocument("anchors and aliases are not taken; write the value out", path=path, line=line)
    if depth > MAX_DEPTH:
        raise InvalidDocument(f"nested deeper than {MAX_DEPTH} levels", path=path, line=line)
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        return [_construct(child, path, depth + 1, seen) for child in node.value]
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = _construct(key_node, path, depth + 1, seen)
            if not isinstance(key, str):
                raise InvalidDocument(f"the key {key!r} is no text", path=path, line=key_node.start_mark.line + 1)
            if key in result:
                raise InvalidDocument(f"the key {key!r} stands twice", path=path, line=key_node.start_mark.line + 1)
            result[key] = _construct(value_node, path, depth + 1, seen)
        return result
    try:
        return _SCALARS.construct_object(node)
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidDocument(f"{node.value!r} is no valid value: {error}", path=path, line=line) from error


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
