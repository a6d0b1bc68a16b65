"""From what went wrong to the answer: RFC 9457 problem details."""

from __future__ import annotations

import logging
import math
import re
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tornado.web import HTTPError

from ..model import errors
from ..model.validation import first_fault

log = logging.getLogger(__name__)

STATUS: Mapping[type[errors.ZoeError], int] = {
    errors.InvalidDocument: 422,
    errors.InvalidParameter: 422,
    errors.InvalidRequest: 422,
    errors.NotRunnable: 422,
    errors.UnknownName: 404,
    errors.Conflict: 409,
    errors.Overtaken: 409,
    errors.KeyReused: 422,
    errors.IllegalTransition: 409,
    errors.CapacityExceeded: 422,
    errors.LimitReached: 409,
    errors.QuotaExceeded: 409,
    errors.TooManyRequests: 429,
    errors.NotPermitted: 403,
    errors.ServiceUnavailable: 503,
    errors.StaleLease: 503,
    errors.LaunchFailed: 502,
    errors.ExecutionEnded: 409,
}
"""The one table from an error's class to a status."""

TYPE = "urn:zoe:problem:"


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="`urn:zoe:problem:` and the error's name, such as `UnknownName`; or `about:blank`.")
    title: str
    status: int
    detail: str = Field(description="A sentence that may be shown to the user.")
    parameter: str | None = Field(default=None, description="The parameter, or the member of the body, that is wrong.")
    line: int | None = Field(default=None, description="The line of the document that is wrong.")
    path: str | None = Field(default=None, description="The document that is wrong.")
    quota: dict[str, Any] | None = Field(
        default=None,
        description="Of `QuotaExceeded`: `subject`, `dimension`, `limit`, `source`, `used`, `asked`, `by` (the owner's "
        "executions, with what each uses) and `others` (what other members of a group use).",
    )
    reference: str | None = Field(
        default=None, description="Of an unexpected error: what to look for in the service's log."
    )


class Refused(Exception):
    """An answer other than success that only HTTP knows of, such as 405 or 415."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members


def problem_of(error: BaseException) -> tuple[Problem, Mapping[str, str]]:
    """The problem and further headers for an error. An unexpected error is logged under an opaque reference."""
    if isinstance(error, Refused):
        return _blank(error.status, error.detail, **error.members), error.headers
    if isinstance(error, errors.ZoeError):
        kind = next((kind for kind in type(error).__mro__ if kind in STATUS), None)
        if kind is not None:
            members = {name: getattr(error, name, None) for name in ("parameter", "line", "path", "quota")}
            return (
                Problem(
                    type=TYPE + kind.__name__,
                    title=_words(kind.__name__),
                    status=STATUS[kind],
                    detail=str(error),
                    **{name: value for name, value in members.items() if value not in (None, "", {})},
                ),
                _headers(error),
            )
    if isinstance(error, HTTPError) and error.status_code < 500:
        return _blank(error.status_code, _http_sentence(error)), {}
    reference = secrets.token_hex(6)
    log.error("Unexpected error %s", reference, exc_info=error)
    detail = f"Something went wrong that should not have. The service's log knows more under {reference}."
    return _blank(500, detail, reference=reference), {}


def first_error(error: ValidationError) -> tuple[str, str]:
    """Place and sentence of the first of a validation's errors."""
    fault = first_fault(error)
    place = ".".join(str(part) for part in fault.place)[:200]
    known = {"extra_forbidden": "there is no such member", "missing": "it is missing"}
    return place, known.get(fault.kind, fault.sentence)


def _headers(error: errors.ZoeError) -> dict[str, str]:
    if isinstance(error, errors.TooManyRequests):
        return {"Retry-After": str(max(1, math.ceil(error.retry_after)))}
    return {}


def _blank(status: int, detail: str, **members: Any) -> Problem:
    return Problem(type="about:blank", title=HTTPStatus(status).phrase, status=status, detail=detail, **members)


def _words(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", lambda match: " " + match[1].lower(), name)


def _http_sentence(error: HTTPError) -> str:
    sentences = {
        400: "The request could not be read.",
        403: "This request is not allowed.",
        404: "There is nothing at this address.",
        405: "This address does not know that method.",
    }
    return sentences.get(error.status_code, HTTPStatus(error.status_code).phrase + ".")
