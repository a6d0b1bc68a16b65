"""Conditions on columns that are to have one of many values.

PostgreSQL is given them as one array: to read, and to plan, a text with a parameter for each value costs it twice what
finding the rows does, as no two such texts are alike. SQLite knows no arrays.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Text, any_, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class _Condition(FunctionElement[bool]):
    inherit_cache = True
    type = Boolean()

    def self_group(self, against: Any = None) -> Any:
        """As it is: where there are no booleans, it would be compared with 1, for which no index is used."""
        return self


class Among(_Condition):
    """Whether a column has one of the values of a parameter, which is a list."""

    inherit_cache = True

    def __init__(self, column: Column[Any], parameter: str) -> None:
        super().__init__(column, bindparam(parameter, expanding=True, type_=_type_of(column)))


class PairsAmong(_Condition):
    """Whether two columns have the values that have one place in the lists of two parameters.

    With SQLite, also where these have different places.
    """

    inherit_cache = True

    def __init__(self, column: Column[Any], parameter: str, other: Column[Any], others: str) -> None:
        parameters = ((column, parameter), (other, others))
        super().__init__(
            *(part for c, p in parameters for part in (c, bindparam(p, expanding=True, type_=_type_of(c))))
        )


def _type_of(column: Column[Any]) -> Any:
    # Without a length: values would be cut off, and be found then.
    return BigInteger() if isinstance(column.type, BigInteger) else Text()


@compiles(Among)
def _in(element: Among, compiler: SQLCompiler, **more: Any) -> str:
    column, values = element.clauses
    return compiler.process(column.in_(values), **more)


@compiles(Among, "postgresql")
def _of_array(element: Among, compiler: SQLCompiler, **more: Any) -> str:
    column, values = element.clauses
    return compiler.process(column == any_(_array(values)), **more)


@compiles(PairsAmong)
def _both_in(element: PairsAmong, compiler: SQLCompiler, **more: Any) -> str:
    column, values, other, others = element.clauses
    return f"({compiler.process(column.in_(values) & other.in_(others), **more)})"


@compiles(PairsAmong, "postgresql")
def _of_arrays(element: PairsAmong, compiler: SQLCompiler, **more: Any) -> str:
    column, values, other, others = element.clauses
    columns = f"{compiler.process(column, **more)}, {compiler.process(other, **more)}"
    arrays = f"{compiler.process(_array(values), **more)}, {compiler.process(_array(others), **more)}"
    return f"({columns}) IN (SELECT * FROM unnest({arrays}))"


def _array(values: Any) -> Any:
    return bindparam(values.key, type_=ARRAY(values.type))
