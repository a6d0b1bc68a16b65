"""What the interface says about itself and about its caller."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import BaseModel

from ... import __version__
from ...model.framework import Framework
from ...model.quotas import Quotas
from ...model.zapp import ZApp
from .. import openapi
from ..operations import Call, Operation, Reply
from ..scopes import SCOPES
from ..views import IndexView, MeView


async def get_index(call: Call) -> Reply:
    """Name and version of the service."""
    return Reply(IndexView(name="zoe", version=__version__))


async def get_openapi(call: Call) -> Reply:
    """This interface as an OpenAPI 3.1 document."""
    from . import OPERATIONS

    return Reply(_openapi(OPERATIONS, call.context.prefix))


async def get_framework_schema(call: Call) -> Reply:
    """JSON Schema of a framework's file."""
    return Reply(_schema(Framework))


async def get_zapp_schema(call: Call) -> Reply:
    """JSON Schema of a ZApp's file."""
    return Reply(_schema(ZApp))


async def get_quotas_schema(call: Call) -> Reply:
    """JSON Schema of the file of quotas."""
    return Reply(_schema(Quotas))


async def get_me(call: Call) -> Reply:
    """Who the caller is."""
    who = call.who
    held = sorted(scope for scope in who.scopes if scope.partition("!")[0] in SCOPES)
    return Reply(MeView(name=who.name, kind=who.kind, admin=who.admin, scopes=held))


@cache
def _openapi(operations: tuple[Operation, ...], prefix: str) -> dict[str, Any]:
    return openapi.document(operations, prefix)


@cache
def _schema(kind: type[BaseModel]) -> dict[str, Any]:
    return kind.model_json_schema()


OPERATIONS = (
    Operation("GET", "/", get_index, anonymous=True, response=IndexView),
    Operation("GET", "/openapi.json", get_openapi, anonymous=True),
    Operation("GET", "/schemas/framework.json", get_framework_schema, anonymous=True),
    Operation("GET", "/schemas/zapp.json", get_zapp_schema, anonymous=True),
    Operation("GET", "/schemas/quotas.json", get_quotas_schema, anonymous=True),
    Operation("GET", "/me", get_me, response=MeView),
)
