"""Typed parameters of ZApps and options of frameworks: one model for both."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError, model_validator
from pydantic_core import SchemaError
from typing_extensions import Self

from .base import Document, Identifier, Line, Prose
from .errors import InvalidParameter
from .patterns import check_size
from .resources import exact_bytes, parse_bytes


class ParameterType(str, Enum):
    """Types of parameters; `memory` is bytes, written with a unit."""

    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    STRING = "string"
    MEMORY = "memory"


Scalar = bool | int | float | str


class Parameter(Document):
    """One value that a user (or the ZApp, for a framework's option) may choose."""

    name: Identifier
    type: ParameterType = ParameterType.STRING
    label: Line = Field(default="", description="Shown beside the field; the name when empty.")
    help: Prose = Field(default="", max_length=2000)
    default: Scalar | None = Field(default=None, description="Without a default the value must be given.")
    minimum: Scalar | None = None
    maximum: Scalar | None = None
    choices: tuple[Scalar, ...] = Field(default=(), max_length=200)
    pattern: str | None = Field(
        default=None,
        max_length=1000,
        description="Regular expression for the whole string, without look-around; counted repetitions are short.",
    )
    scales: bool = Field(default=False, description="True: may change while the execution runs (`scale`).")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        for field in ("minimum", "maximum"):
            bound = getattr(self, field)
            if bound is not None and self.type in (ParameterType.BOOLEAN, ParameterType.STRING):
                raise ValueError(f"{field} has no meaning for a {self.type.value}")
        if self.pattern is not None:
            _matcher(self.pattern)
        try:
            low, high = self._bound(self.minimum), self._bound(self.maximum)
        except InvalidParameter as error:
            raise ValueError(f"a bound is of the wrong type: {error}") from error
        if low is not None and high is not None and low > high:
            raise ValueError(f"the minimum, {self._show(low)}, is above the maximum, {self._show(high)}")
        try:
            for choice in self.choices:
                self._within(choice)
        except InvalidParameter as error:
            raise ValueError(f"the choice is refused by the bounds: {error}") from error
        try:
            if self.default is not None:
                self.check(self.default)
        except InvalidParameter as error:
            raise ValueError(f"the default is refused by the bounds: {error}") from error
        return self

    @property
    def title(self) -> str:
        return self.label or self.name.replace("_", " ").capitalize()

    def check(self, value: Any) -> Scalar:
        """The value in this parameter's type.

        Text is accepted for every type, because forms and command lines have nothing else.
        Raises InvalidParameter, which names the parameter, the value and what would be right.
        """
        typed = self._within(value)
        if self.choices:
            choices = [self._convert(choice) for choice in self.choices]
            if typed not in choices:
                allowed = ", ".join(self._show(choice) for choice in choices)
                raise InvalidParameter(self.name, f"{self._show(typed)} is none of the choices: {allowed}")
        return typed

    def _within(self, value: Any) -> Scalar:
        typed = self._convert(value)
        low, high = self._bound(self.minimum), self._bound(self.maximum)
        if (low is not None and typed < low) or (high is not None and typed > high):
            raise InvalidParameter(self.name, f"{self._show(typed)} is out of bounds: {self._range(low, high)}")
        if self.pattern is not None and not _matches(self.pattern, str(typed)):
            raise InvalidParameter(self.name, f"{_short(value)} does not match {self.pattern}")
        return typed

    def _convert(self, value: Any) -> Scalar:
        try:
            return _CONVERTERS[self.type](value)
        except (ValueError, TypeError, OverflowError) as error:
            raise InvalidParameter(self.name, str(error)) from error

    def _bound(self, value: Scalar | None) -> Any:
        return None if value is None else self._convert(value)

    def _show(self, value: Any) -> str:
        return exact_bytes(value) if self.type is ParameterType.MEMORY else _short(value)

    def _range(self, low: Any, high: Any) -> str:
        if low is None:
            return f"at most {self._show(high)}"
        if high is None:
            return f"at least {self._show(low)}"
        return f"from {self._show(low)} to {self._show(high)}"


@lru_cache(maxsize=64)  # up to 3 MB each
def _matcher(pattern: str) -> TypeAdapter[str]:
    """Patterns come from users too. pydantic's own engine matches in linear time, whatever the pattern."""
    check_size(pattern)
    try:
        return TypeAdapter(Annotated[str, StringConstraints(pattern=rf"\A(?:{pattern})\z")])
    except SchemaError as error:
        raise ValueError(f"the pattern {_short(pattern)} is no regular expression: {error}") from error


def _matches(pattern: str, text: str) -> bool:
    try:
        _matcher(pattern).validate_python(text)
    except ValidationError:
        return False
    return True


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _integer(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError(f"{value!r} is no whole number")
    try:
        number = int(value)
    except (ValueError, TypeError):
        raise ValueError(f"{_short(value)} is no whole number") from None
    if abs(number) >= 2**63:
        raise ValueError("a whole number must lie between -2^63 and 2^63")
    return number


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is no number")
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    except (ValueError, TypeError):
        raise ValueError(f"{_short(value)} is no number") from None
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError("a number must be finite")
    return number


def _boolean(value: Any) -> bool:
    known = {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False, "no": False, "0": False}
    if isinstance(value, bool):
        return value
    if str(value).lower() not in known:
        raise ValueError(f"{_short(value)} is neither true nor false")
    return known[str(value).lower()]


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{_short(value)} is no text")
    if len(value) > 4096:
        raise ValueError("the text is longer than 4096 characters")
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise ValueError("the text holds a control character, such as a line break")
    if any(0xD800 <= ord(char) <= 0xDFFF for char in value):
        raise ValueError("the text holds half of a character (a surrogate)")
    return value


_CONVERTERS: dict[ParameterType, Callable[[Any], Scalar]] = {
    ParameterType.INTEGER: _integer,
    ParameterType.NUMBER: _number,
    ParameterType.BOOLEAN: _boolean,
    ParameterType.STRING: _string,
    ParameterType.MEMORY: parse_bytes,
}
