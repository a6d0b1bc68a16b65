"""The template language: Jinja's expressions, and nothing else of Jinja.

Users may send ZApps of their own, and their templates run in the service. So the language has
no statements, loops, calls or attributes, a short list of filters, and arithmetic on numbers
only: whatever is written in it ends at once and reads nothing but its parameters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, nodes
from jinja2.filters import do_round
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ..model.errors import InvalidDocument
from ..model.references import escape

_OPEN_REFERENCE = re.compile(r"(?<!\$)(?:\$\$)*\$\{[{%#]")
FILTERS = ("abs", "default", "float", "int", "lower", "max", "mib", "min", "round", "string", "upper")

_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Filter,
    nodes.Keyword, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div,
    nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos, nodes.And, nodes.Or, nodes.Not, nodes.Concat,
)  # fmt: skip


_LARGEST = 2**128
_DIGITS = 15
"""Decimals that a number can be rounded to: filters compute ten to that power."""


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if not all(isinstance(side, (int, float)) for side in (left, right)):
            raise TemplateError(f"{operator} takes numbers only; join text with ~")
        if any(abs(side) > _LARGEST for side in (left, right)):
            raise TemplateError(f"{operator} takes numbers up to {_LARGEST:.0e} only")
        return super().call_binop(context, operator, left, right)


def _mib(amount: Any) -> int:
    return int(amount) // 2**20


def _round(value: Any, precision: Any = 0, method: str = "common") -> Any:
    if not isinstance(precision, int) or abs(precision) > _DIGITS:
        raise TemplateError(f"round takes up to {_DIGITS} digits only")
    return do_round(value, precision, method)  # type: ignore[arg-type]


def _environment(finalize: Any) -> _Environment:
    environment = _Environment(
        undefined=StrictUndefined, finalize=finalize, autoescape=False, keep_trailing_newline=True
    )
    environment.globals.clear()
    environment.filters.update(mib=_mib, round=_round)
    environment.filters = {name: environment.filters[name] for name in FILTERS}
    return environment


def _plain(value: Any) -> Any:
    return "true" if value is True else "false" if value is False else value


def _escaped(value: Any) -> Any:
    return escape(str(_plain(value)))


_VALUES = _environment(_plain)
_TEXTS = _environment(_escaped)


@lru_cache(maxsize=4096)
def _compile(environment: _Environment, source: str) -> Template:
    tree = environment.parse(source)
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _ALLOWED):
            raise TemplateError(f"{type(node).__name__.lower()} is not part of the template language")
    _check_lists(tree)
    return environment.from_string(source)


def _check_lists(tree: nodes.Template) -> None:
    """Lists are for choosing from only: written as text, each list in a list doubles what must be escaped."""
    chosen_from = {id(node.node) for node in tree.find_all(nodes.Filter) if node.name in ("max", "min")}
    chosen_from |= {id(node.expr) for node in tree.find_all(nodes.Operand) if node.op in ("in", "notin")}
    if any(id(node) not in chosen_from for node in tree.find_all((nodes.List, nodes.Tuple))):
        raise TemplateError("a list can only be given to min or max, or stand after in")


def _render(environment: _Environment, source: str, values: Mapping[str, Any], where: str) -> str:
    if "{" not in source:
        return source
    if environment is _TEXTS and _OPEN_REFERENCE.search(source):
        # The value could complete a reference.
        raise InvalidDocument(f"{where}: a dollar sign stands directly before {{{{ in {_short(source)}; write $$")
    try:
        return _compile(environment, source).render(values)
    except (TemplateError, ArithmeticError, ValueError, TypeError, RecursionError) as error:
        raise InvalidDocument(f"{where}: the template {_short(source)} cannot be resolved: {error}") from error


def render_value(source: Any, values: Mapping[str, Any], where: str) -> Any:
    """A number as it is, or a template's result as text. Raises InvalidDocument, which says `where`."""
    return _render(_VALUES, source, values, where) if isinstance(source, str) else source


def render_text(source: str, values: Mapping[str, Any], where: str) -> str:
    """A text in which values are inserted such that they can form no reference.

    References written by the text's author stay. Raises InvalidDocument, which says `where`.
    """
    return _render(_TEXTS, source, values, where)


def render_number(source: Any, values: Mapping[str, Any], where: str) -> float:
    """A finite number from a number or a template. Raises InvalidDocument, which says `where`."""
    text = render_value(source, values, where)
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not abs(number) < 2**53:
        raise InvalidDocument(f"{where}: {_short(str(text))} is no number in a sensible range")
    return number


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:79] + "…")
