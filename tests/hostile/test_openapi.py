"""Requests made from the served OpenAPI document, good ones and bad ones: the service does what the document says.

``ZOE_EXAMPLES`` says how many for each operation (10); `make fuzz` takes more.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.client.fakes import TOKEN
from tests.client.real import PREFIX, RealZoe
from zoe_hub.web import openapi
from zoe_hub.web.api import OPERATIONS

EXAMPLES = int(os.environ.get("ZOE_EXAMPLES", "10"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def zoe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealZoe]:
    with RealZoe(tmp_path_factory.mktemp("zoe"), cpus=100) as running:
        yield running


@pytest.fixture(scope="module")
def execution(zoe: RealZoe) -> str:
    answer = httpx.post(f"{zoe.url}api/v1/executions", json={"zapp": "toys", "name": "mine"}, headers=AUTHORIZED)
    return str(answer.json()["id"])


# Event streams have no end.
SERVED = openapi.document(OPERATIONS, PREFIX)
schema = schemathesis.openapi.from_dict(SERVED).exclude(path_regex="events$")


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="ZOE_SEED" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
def test_the_service_does_what_its_document_says(case: Case, zoe: RealZoe, execution: str) -> None:
    if "id" in case.path_parameters and len(str(case.path_parameters["id"])) % 2:
        case.path_parameters["id"] = execution
    if case.operation.path.endswith("/logs") and isinstance(case.query, dict):
        case.query.pop("follow", None)
    for framing in ("Content-Length", "Transfer-Encoding"):
        # HTTP's own: what is wrong in it is refused before it is known which operation is meant.
        case.headers.pop(framing, None)
    # The only fault may have been that this was missing, and it is sent.
    checks = CHECKS if "Authorization" in case.headers else CHECKS[:-1]
    case.call_and_validate(base_url=f"{zoe.url}api/v1", headers=AUTHORIZED, checks=checks, timeout=20)


def test_it_is_the_document_that_is_served(zoe: RealZoe) -> None:
    assert httpx.get(f"{zoe.url}api/v1/openapi.json").json() == SERVED
