"""Resource shapes: what one instance needs, what one node has."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated

from pydantic import BeforeValidator, Field

from .base import Document

_UNITS = {
    "": 1,
    "B": 1,
    "K": 10**3, "KB": 10**3, "KI": 2**10, "KIB": 2**10,
    "M": 10**6, "MB": 10**6, "MI": 2**20, "MIB": 2**20,
    "G": 10**9, "GB": 10**9, "GI": 2**30, "GIB": 2**30,
    "T": 10**12, "TB": 10**12, "TI": 2**40, "TIB": 2**40,
}  # fmt: skip
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB")
_LARGEST = 2**63
"""What databases and engines count in."""
_SIZE = re.compile(r"\s*([0-9]{1,30}(?:\.[0-9]{1,30})?)\s*([A-Za-z]*)\s*")


def parse_bytes(value: object) -> int:
    """Read an amount of memory: a number of bytes, or text such as ``8 GiB`` or ``512M``.

    Raises ValueError with the accepted forms when the text is none of them.
    """
    if isinstance(value, bool):
        raise ValueError("an amount of memory is a number with a unit, such as 8 GiB")
    if isinstance(value, (int, float)):
        if not 0 <= value < float("inf"):
            raise ValueError(f"{_short(value)} is no amount of memory; it must be finite and not negative")
        if value >= _LARGEST:
            raise ValueError("an amount of memory is below 8 EiB")
        return int(value)
    match = _SIZE.fullmatch(str(value))
    if match is None or match[2].upper() not in _UNITS:
        raise ValueError(f"{_short(value)} is no amount of memory; write a number and a unit, such as 512 MiB or 8 GiB")
    # Not by way of a float, which is exact up to 8 PiB only.
    amount = int(Fraction(match[1]) * _UNITS[match[2].upper()])
    if amount >= _LARGEST:
        raise ValueError(f"{_short(value)} is too much; an amount of memory is below 8 EiB")
    return amount


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def format_bytes(amount: int) -> str:
    """Write an amount of memory for people: the largest binary unit that keeps it above one, with three digits.

    It is not exact; `exact_bytes` is.
    """
    size, unit = float(amount), "B"
    for unit in _BINARY:
        # Rounded as it will be shown: nobody wants to read 1024 MiB.
        if abs(size) < 1023.5 or unit == _BINARY[-1]:
            break
        size /= 1024
    decimals = 2 if abs(size) < 9.995 else 1 if abs(size) < 99.95 else 0
    return f"{float(f'{size:.{decimals}f}'):.12g} {unit}"


def format_hours(hours: float) -> str:
    """Write hours of processors for people: to a tenth, and little of them with three digits, so that it is not 0."""
    return f"{round(hours, 1) if abs(hours) >= 10 else round(float(f'{hours:.3g}'), 4):.12g}"


def exact_bytes(amount: int) -> str:
    """Write an amount of memory so that `parse_bytes` reads the same: for what is edited or copied."""
    told = format_bytes(amount)
    if parse_bytes(told) == amount:
        return told
    for power, unit in reversed(list(enumerate(_BINARY))):
        if amount % 1024**power == 0:
            return f"{amount // 1024**power} {unit}"
    return f"{amount} B"


Bytes = Annotated[int, BeforeValidator(parse_bytes), Field(ge=0)]


class Resources(Document):
    """An amount of each dimension: of one instance, of a sum, or of a node."""

    cpu: float = Field(default=0.0, ge=0, allow_inf_nan=False, description="Processors; a fraction is a share of one.")
    memory: Bytes = Field(default=0, description="Bytes of main memory.")
    gpu: int = Field(default=0, ge=0, description="Whole graphics processors.")

    # Sums may leave the bounds of what may be asked for: they are compared with what there is.
    def __add__(self, other: Resources) -> Resources:
        return Resources.model_construct(
            cpu=self.cpu + other.cpu, memory=self.memory + other.memory, gpu=self.gpu + other.gpu
        )

    def __mul__(self, count: int) -> Resources:
        return Resources.model_construct(cpu=self.cpu * count, memory=self.memory * count, gpu=self.gpu * count)

    def __str__(self) -> str:
        parts = [f"{self.cpu:g} CPU", format_bytes(self.memory)]
        if self.gpu:
            parts.append(f"{self.gpu} GPU")
        return ", ".join(parts)


class Node(Document):
    """One machine of the engine and what of it Zoe may hand out."""

    name: str
    capacity: Resources
