"""The documents say what the service does."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from zoe_hub.web.api import OPERATIONS
from zoe_hub.web.problems import STATUS, problem_of
from zoe_hub.web.reference import render
from zoe_hub.web.scopes import SCOPES

from .conftest import FRAMEWORK, OWN, PREFIX, Site, Starter


async def test_the_openapi_document_is_valid_and_whole(stranger: httpx.AsyncClient, site: Site) -> None:
    document = (await stranger.get("/openapi.json")).json()
    OpenAPIV31SpecValidator(document).validate()
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert described == {(operation.method, operation.path) for operation in OPERATIONS}
    assert document["servers"] == [{"url": f"{PREFIX}api/v1"}]
    names = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(set(names)) == len(names)


async def test_a_parameter_is_described_by_what_it_names(stranger: httpx.AsyncClient) -> None:
    paths = (await stranger.get("/openapi.json")).json()["paths"]
    for path, what in (("/zapps", "ZApp"), ("/quotas/users", "user"), ("/quotas/groups", "group")):
        named = paths[f"{path}/{{name}}"]["get"]["parameters"][0]
        assert (named["name"], named["description"]) == ("name", f"Name of a {what}.")


async def test_every_route_of_the_application_is_in_the_document(alice: httpx.AsyncClient) -> None:
    # Whatever has a route answers 405 to a method it does not know; what has none answers 404.
    document = (await alice.get("/openapi.json")).json()
    for path, item in document["paths"].items():
        answer = await alice.request("OPTIONS", re.sub(r"\{\w+\}", "x", path))
        assert answer.status_code == 405
        assert answer.headers["Allow"] == ", ".join(sorted(method.upper() for method in item))


@pytest.mark.parametrize(
    "path", ["/executions", "/executions/{id}", "/shop", "/nodes", "/me", "/executions/{id}/connection"]
)
async def test_answers_are_as_the_document_says(alice: httpx.AsyncClient, start: Starter, path: str) -> None:
    execution = await start()
    document = (await alice.get("/openapi.json")).json()
    answer = await alice.get(path.format(id=execution))
    schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(answer.json(), {**schema, "components": document["components"]})


async def test_problems_are_as_the_document_says(alice: httpx.AsyncClient) -> None:
    document = (await alice.get("/openapi.json")).json()
    problem = (await alice.get("/executions/nothing")).json()
    schema = {"$ref": "#/components/schemas/Problem", "components": document["components"]}
    jsonschema.validate(problem, schema)
    assert (problem["type"], problem["status"]) == ("urn:zoe:problem:UnknownName", 404)


async def test_the_published_schemas_check_files(stranger: httpx.AsyncClient) -> None:
    import yaml

    framework = (await stranger.get("/schemas/framework.json")).json()
    jsonschema.validate(yaml.safe_load(FRAMEWORK), framework)
    zapp = (await stranger.get("/schemas/zapp.json")).json()
    jsonschema.validate(OWN, zapp)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**OWN, "nmae": "x"}, zapp)


def test_every_error_has_a_status() -> None:
    from zoe_hub.model import errors

    kinds = {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.ZoeError) and kind is not errors.ZoeError
    }
    assert kinds == STATUS.keys()


def test_the_reference_names_every_operation_scope_and_error() -> None:
    text = render()
    for operation in OPERATIONS:
        assert f"### `{operation.method} {operation.path}`" in text
        assert operation.summary
    for scope in SCOPES:
        assert f"| `{scope}` |" in text
    for kind in STATUS:
        assert f"`urn:zoe:problem:{kind.__name__}`" in text
    headings = {heading.lower() for heading in re.findall(r"^### (\w+)$", text, re.MULTILINE)}
    assert set(re.findall(r"\]\(#(\w+)\)", text)) <= headings


def test_the_reference_in_the_documentation_is_the_one_of_this_version() -> None:
    path = Path(__file__).parents[2] / "docs" / "reference" / "rest.md"
    assert path.read_text(encoding="utf-8") == render(), f"run: python -m zoe_hub.web.reference > {path}"


def test_an_unexpected_error_is_a_reference_and_nothing_more(caplog: pytest.LogCaptureFixture) -> None:
    problem, _ = problem_of(KeyError("the password is sesame"))
    assert problem.status == 500
    assert "sesame" not in problem.model_dump_json()
    assert problem.reference is not None
    assert problem.reference in caplog.text
    assert "sesame" in caplog.text
