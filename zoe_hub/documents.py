"""Reads YAML documents strictly, and says in which line something is wrong."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from .model.base import Document
from .model.errors import InvalidDocument
from .model.validation import first_fault

MAX_SIZE = 128 * 1024
"""Bytes of one file."""
MAX_DEPTH = 24
MAX_VALUES = 5_000
MAX_DIGITS = 100
"""Of a number: reading one takes time by the square of its length."""

_SCALARS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp"))
_NUMBERS = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})
_MERGE = "tag:yaml.org,2002:merge"
_SEQUENCE, _MAPPING = "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"

_SENTENCES = {"extra_forbidden": "there is no such key", "missing": "this key is missing"}

D = TypeVar("D", bound=Document)


def read_document(path: Path, kind: type[D]) -> D:
    """The document in a file. Raises InvalidDocument with path, line and reason."""
    try:
        # Without waiting for a writer: it may be a pipe.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InvalidDocument("it is no plain file", path=str(path))
            content = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise InvalidDocument(f"it cannot be read: {error.strerror}", path=str(path)) from error
    if len(content) > MAX_SIZE:
        raise InvalidDocument(f"the file is larger than {MAX_SIZE // 1024} KiB", path=str(path))
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidDocument("it is not written in UTF-8", path=str(path), line=line) from error
    return parse_document(text, kind, path=str(path))


def parse_document(text: str, kind: type[D], path: str = "") -> D:
    """The document in a text. Raises InvalidDocument with path, line and reason."""
    root = _compose(text, path)
    if not isinstance(root, yaml.MappingNode):
        raise InvalidDocument(f"a {kind.__name__} is a mapping of keys to values", path=path, line=1)
    content = _Constructor(path).build(root)
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        fault = first_fault(error)
        place = ".".join(str(part) for part in fault.place)[:200]
        sentence = _SENTENCES.get(fault.kind, fault.sentence)
        raise InvalidDocument(
            f"{place}: {sentence}" if place else sentence, path=path, line=_line(root, fault.place)
        ) from error


def _compose(text: str, path: str) -> yaml.Node | None:
    try:
        loader = _Loader(text)
        try:
            return loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        raise InvalidDocument(f"no valid YAML: {error.problem}", path=path, line=line) from error
    except yaml.YAMLError as error:
        raise InvalidDocument(f"no valid YAML: {error}", path=path) from error


class _Loader(yaml.SafeLoader):
    """Stops at a document with too many values, or too deep, before it has been read to its end, which takes long."""

    flow_level: int
    _left = MAX_VALUES
    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._left -= 1
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        if self._left < 0:
            raise yaml.MarkedYAMLError(problem=f"more than {MAX_VALUES} values", problem_mark=mark)
        if self._depth > MAX_DEPTH:
            raise _too_deep(mark)
        self._depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def fetch_flow_collection_start(self, kind: Any) -> None:
        # The scanner looks ahead at each of these with all that are open.
        if self.flow_level > MAX_DEPTH:
            raise _too_deep(self.get_mark())
        super().fetch_flow_collection_start(kind)


def _too_deep(mark: yaml.Mark) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=f"nested deeper than {MAX_DEPTH} levels", problem_mark=mark)


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
        if isinstance(node, yaml.SequenceNode) and node.tag == _SEQUENCE:
            return [self.build(child, depth + 1) for child in node.value]
        if isinstance(node, yaml.MappingNode) and node.tag == _MAPPING:
            return self._mapping(node, depth)
        if not isinstance(node, yaml.ScalarNode) or node.tag not in _SCALARS:
            raise self._error(node, f"the tag {_short(node.tag)} is not taken here")
        if node.tag in _NUMBERS and len(node.value) > MAX_DIGITS:
            raise self._error(node, f"a number has at most {MAX_DIGITS} digits; write a text in quotes")
        try:
            return self._yaml.construct_object(node)
        except (yaml.YAMLError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
            # What a tag written by hand promises and the text does not keep comes as any of these.
            raise self._error(node, f"{_short(node.value)} is no valid value") from error

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                # Those that come first count: PyYAML's own way copies nodes before anybody can count them.
                for mapping in self._merged(value_node, depth):
                    merged = {**mapping, **merged}
                continue
            key = self.build(key_node, depth + 1)
            if not isinstance(key, str):
                raise self._error(key_node, f"the key {str(key)[:60]} is no text")
            if key in result:
                raise self._error(key_node, f"the key {_short(key)} stands twice")
            result[key] = self.build(value_node, depth + 1)
        return {**merged, **result}

    def _merged(self, node: yaml.Node, depth: int) -> list[dict[str, Any]]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        found: list[dict[str, Any]] = []
        for each in nodes:
            if not isinstance(each, yaml.MappingNode):
                raise self._error(each, "only mappings can be merged with <<")
            built: dict[str, Any] = self.build(each, depth + 1)
            found.append(built)
        return found

    def _error(self, node: yaml.Node, reason: str) -> InvalidDocument:
        return InvalidDocument(reason, path=self._path, line=node.start_mark.line + 1)


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "…")


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
