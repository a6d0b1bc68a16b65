"""The REST reference as Markdown: ``python -m zoe_hub.web.reference > docs/reference/rest.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

from .api import OPERATIONS
from .openapi import document
from .operations import Operation
from .problems import STATUS, TYPE
from .scopes import ADMIN_EXECUTIONS, SCOPES, USER_SCOPES

PREFIX = "/services/zoe/"

_INTRODUCTION = f"""# REST reference

<!-- Made by `python -m zoe_hub.web.reference`; changes belong into zoe_hub/web. -->

All paths are below `{PREFIX}api/v1` at the Hub; a user's server relays them below
`<server>/zoe/api/v1`. Send a JupyterHub token as `Authorization: token …` (or `Bearer …`). A token in the address
is refused. Bodies are JSON of at most 256 KiB. The same, for programs, is the OpenAPI 3.1 document at `openapi.json`.

`GET {PREFIX}health` answers `{{"status": "ok"}}` without a token.
"""


def render(operations: Iterable[Operation] = OPERATIONS) -> str:
    """The reference, from the table of operations, the scopes, and the errors."""
    table = tuple(operations)
    described = document(table, PREFIX)
    parts = [_INTRODUCTION, _scopes(), _errors(), "## Operations\n"]
    parts += [_operation(op, described["paths"][op.path][op.method.lower()]) for op in table]
    parts += ["## Schemas\n", *_schemas(described["components"]["schemas"])]
    return "\n".join(parts).rstrip() + "\n"


def _scopes() -> str:
    holders = {name: "users" if name in USER_SCOPES else "administrators" for name in SCOPES}
    holders[ADMIN_EXECUTIONS] += ", the spawner"
    rows = [
        f"| `{name}` | {holders[name]} | {scope['description']} | "
        f"{', '.join(f'`{inner}`' for inner in scope['subscopes'])} |"
        for name, scope in SCOPES.items()
    ]
    return "\n".join(["## Scopes\n", "| scope | held by | allows | includes |", "|---|---|---|---|", *rows, ""])


def _errors() -> str:
    rows = [
        f"| `{TYPE}{kind.__name__}` | {status} | {(kind.__doc__ or '').strip().removeprefix('Raised when ')} |"
        for kind, status in STATUS.items()
    ]
    head = (
        "## Errors\n\nErrors are problem details (RFC 9457, `application/problem+json`) with the members `type`, "
        "`title`, `status`, `detail`, and `parameter`, `line`, `path` where they apply. `detail` is a sentence that "
        "may be shown to the user. Other statuses, such as 401 or 413, have the type `about:blank`. What exists and is "
        "none of the caller's business is answered like what does not exist: 404.\n"
    )
    return "\n".join([head, "| type | status | when |", "|---|---|---|", *rows, ""])


def _operation(operation: Operation, described: dict[str, Any]) -> str:
    scope = (
        f"scope `{operation.scope}`{f', or `{operation.also}` of it' if operation.also else ''}"
        if operation.scope
        else "no token needed"
        if operation.anonymous
        else "any token"
    )
    lines = [f"### `{operation.method} {operation.path}`\n", f"{operation.summary}. *({scope})*\n"]
    if operation.description:
        lines.append(operation.description + "\n")
    if described["parameters"]:
        lines += ["| parameter | in | type | |", "|---|---|---|---|"]
        lines += [
            f"| `{p['name']}` | {p['in']} | {_type(p['schema'])} | {p.get('description', '')} |"
            for p in described["parameters"]
        ]
        lines.append("")
    if operation.body:
        # What is read may have another schema than what is answered.
        (body,) = described["requestBody"]["content"].values()
        lines.append(f"Body: {_type(body['schema'])}.\n")
    answer = _link(operation.response.__name__) if operation.response else ""
    if not answer and operation.status != 204:
        answer = f"`{operation.media}`"
    good = f"{operation.status} {HTTPStatus(operation.status).phrase}"
    problems = ", ".join(str(status) for status in operation.statuses)
    lines.append(f"Answer: {good}{', ' + answer if answer else ''}. Problems: {problems}.\n")
    return "\n".join(lines)


def _schemas(schemas: dict[str, Any]) -> Iterator[str]:
    for name, schema in sorted(schemas.items()):
        lines = [f"### {name}\n"]
        if "description" in schema:
            lines.append(" ".join(schema["description"].split()) + "\n")
        if "enum" in schema:
            lines.append("One of " + ", ".join(f"`{value}`" for value in schema["enum"]) + ".\n")
        if schema.get("properties"):
            lines += ["| member | type | |", "|---|---|---|"]
            lines += [
                f"| `{member}`{'' if member in schema.get('required', ()) else ' (optional)'} | {_type(field)} | "
                f"{' '.join(field.get('description', '').split())} |"
                for member, field in schema["properties"].items()
            ]
            lines.append("")
        yield "\n".join(lines)


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return _link(schema["$ref"].rpartition("/")[2])
    if "allOf" in schema:
        return _type(schema["allOf"][0])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(option) for option in schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if "additionalProperties" in schema and isinstance(schema["additionalProperties"], dict):
        return f"mapping to {_type(schema['additionalProperties'])}"
    if "const" in schema:
        return f"`{schema['const']}`"
    return str(schema.get("type", "anything"))


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


if __name__ == "__main__":
    sys.stdout.write(render())
