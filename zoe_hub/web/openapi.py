"""The OpenAPI 3.1 document, made from the table of operations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from .. import __version__
from .operations import JSON, Operation
from .problems import Problem

_REF = "#/components/schemas/{model}"
PROBLEM_MEDIA = "application/problem+json"

_PATH_PARAMETERS = {
    "id": "Identifier of an execution, or the name of one of the caller's own.",
    "zapps/{name}": "Name of a ZApp.",
    "users/{name}": "Name of a user.",
    "groups/{name}": "Name of a group.",
    "kernel": "Identifier of a kernel, as in `attachment.kernel`.",
    "process": "Key of a process: `framework.process`.",
    "ordinal": "Number of an instance, from 0.",
}
"""By the parameter; where several paths have one of that name, with what comes before it."""


def document(operations: Iterable[Operation], prefix: str) -> dict[str, Any]:
    """The document. `prefix` is the public path of the service, with a slash at the end."""
    table = tuple(operations)
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(Problem, "serialization")]
    for operation in table:
        if operation.body:
            models.append((operation.body, "validation"))
        if operation.response:
            models.append((operation.response, "serialization"))
    references, definitions = models_json_schema(list(dict.fromkeys(models)), ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for operation in table:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, references)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Zoe",
            "version": __version__,
            "summary": "Analytic applications for JupyterHub: notebooks with elastic clusters.",
            "license": {"name": "BSD-3-Clause", "identifier": "BSD-3-Clause"},
        },
        "servers": [{"url": f"{prefix}api/v1"}],
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of JupyterHub; `token …` works too.",
                }
            },
        },
    }


def _operation(operation: Operation, references: Any) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": _parameters(operation),
        "responses": _responses(operation, references),
        "security": [] if operation.anonymous else [{"token": [operation.scope] if operation.scope else []}],
    }
    if operation.description:
        described["description"] = operation.description
    if operation.body:
        described["requestBody"] = {
            "required": True,
            "content": {JSON: {"schema": references[operation.body, "validation"]}},
        }
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PATH_PARAMETERS.get(name) or _PATH_PARAMETERS[f"{before}/{{{name}}}"],
            "schema": {"type": "integer", "minimum": 0} if name == "ordinal" else {"type": "string"},
        }
        for before, name in _places(operation.path)
    ]
    for place, model in (("query", operation.query), ("header", operation.headers)):
        if model is None:
            continue
        schema = _inlined(model.model_json_schema(by_alias=True))
        for name, field in schema.get("properties", {}).items():
            field.pop("title", None)
            parameter = {"name": name, "in": place, "required": name in schema.get("required", ())}
            if description := field.pop("description", None):
                parameter["description"] = description
            found.append({**parameter, "schema": field})
    return found


def _places(path: str) -> Iterable[tuple[str, str]]:
    """The parameters of a path, each with what comes before it."""
    parts = path.split("/")
    return [(before, part[1:-1]) for before, part in pairwise(parts) if part.startswith("{")]


def _inlined(schema: Any, definitions: Mapping[str, Any] | None = None) -> Any:
    """The schema without references: what a parameter's schema refers to is nowhere else in the document."""
    if isinstance(schema, list):
        return [_inlined(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    known = schema.get("$defs", {}) if definitions is None else definitions
    if "$ref" in schema:
        named = known[schema["$ref"].rpartition("/")[2]]
        return _inlined({**named, **{name: part for name, part in schema.items() if name != "$ref"}}, known)
    return {name: _inlined(part, known) for name, part in schema.items() if name != "$defs"}


def _responses(operation: Operation, references: Any) -> dict[str, Any]:
    good: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if operation.response:
        good["content"] = {operation.media: {"schema": references[operation.response, "serialization"]}}
    elif operation.status != 204:
        schema = {"type": "object"} if operation.media == JSON else {"type": "string"}
        good["content"] = {operation.media: {"schema": schema}}
    if operation.status == 202 and operation.method == "POST":
        good["headers"] = {"Location": {"description": "Where to watch it.", "schema": {"type": "string"}}}
    problem = {"schema": references[Problem, "serialization"]}
    return {
        str(operation.status): good,
        **{
            str(status): {"description": HTTPStatus(status).phrase, "content": {PROBLEM_MEDIA: problem}}
            for status in operation.statuses
        },
    }
