"""Problem details (RFC 9457) turned back into the errors that they were made from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ..model import errors
from ..model.errors import ZoeError

MEDIA_TYPE = "application/problem+json"

NOT_SET_UP = "urn:zoe:problem:NotSetUp"
"""The type of a problem that trying again does not help: a server without a Zoe service."""

_BY_STATUS: Mapping[int, type[ZoeError]] = {
    400: errors.InvalidRequest,
    401: errors.NotPermitted,
    403: errors.NotPermitted,
    404: errors.UnknownName,
    409: errors.Conflict,
    413: errors.InvalidRequest,
    415: errors.InvalidRequest,
    422: errors.InvalidRequest,
    429: errors.TooManyRequests,
}
_BY_NAME: Mapping[str, type[ZoeError]] = {
    name.lower(): kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, ZoeError) and kind is not ZoeError
}


def parse(content_type: str, body: bytes) -> dict[str, Any] | None:
    """The problem in an answer's body; None when there is none."""
    if not content_type.split(";")[0].strip().endswith("json"):
        return None
    try:
        problem = json.loads(body)
    except ValueError:
        return None
    return problem if isinstance(problem, dict) and ("detail" in problem or "title" in problem) else None


def to_error(status: int, problem: Mapping[str, Any]) -> ZoeError:
    """The error of the model that a problem tells of. Its message is the service's own sentence."""
    message = str(problem.get("detail") or problem.get("title") or f"The service answered {status}.")
    kind = _BY_NAME.get(_tail(str(problem.get("type", ""))))
    if kind is None and problem.get("parameter"):
        kind = errors.InvalidParameter
    if kind is None:
        kind = _BY_STATUS.get(status, errors.ServiceUnavailable if status >= 500 else errors.InvalidRequest)
    return _as_said(kind, message, problem)


def _tail(identifier: str) -> str:
    return re.sub(r"[^a-z]", "", re.split(r"[/:#]", identifier.rstrip("/#"))[-1].lower())


def _as_said(kind: type[ZoeError], message: str, problem: Mapping[str, Any]) -> ZoeError:
    """An error with exactly this message, whatever its constructor would write."""
    error = kind.__new__(kind)
    error.args = (message,)
    if isinstance(error, errors.InvalidParameter):
        error.parameter = str(problem.get("parameter") or message.partition(":")[0])
        error.reason = message.removeprefix(f"{error.parameter}: ")
    elif isinstance(error, errors.InvalidDocument):
        line = problem.get("line")
        error.reason, error.path = message, str(problem.get("path", ""))
        error.line = line if isinstance(line, int) else None
    elif isinstance(error, errors.QuotaExceeded):
        quota = problem.get("quota")
        error.quota = quota if isinstance(quota, dict) else {}
    elif isinstance(error, errors.UnknownName):
        quoted = re.search(r"named '([^']*)'", message)
        error.name = quoted[1] if quoted else ""
    return error
