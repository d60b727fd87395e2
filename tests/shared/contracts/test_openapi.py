"""The connector's OpenAPI document: valid, complete, with examples that hold, and without a secret in an answer."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic.alias_generators import to_camel

from shared.contracts.openapi import openapi_document, routes
from shared.contracts.routes import Route
from shared.contracts.schemas import needed, references
from shared.wire.catalogue import CATALOGUE
from shared.wire.openapi.parameters import PARAMETER

DOCUMENT: dict[str, Any] = openapi_document()
SCHEMAS = DOCUMENT["components"]["schemas"]


def described() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def named(route: Route) -> str:
    return route.name


def test_the_document_is_valid() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_every_operation_has_a_name_of_its_own_and_a_known_tag() -> None:
    names = [operation["operationId"] for _, _, operation in described()]
    tags = {tag for _, _, operation in described() for tag in operation["tags"]}

    assert len(set(names)) == len(names) == len(routes())
    assert tags == {one["name"] for one in DOCUMENT["tags"]}


def test_every_row_of_the_catalogue_has_a_route() -> None:
    rows = [row for row in CATALOGUE.values() if row.name != "GetOperationStatus"]

    for row in rows:
        path = PARAMETER.sub(lambda found: f"{{{to_camel(found[1])}}}", row.route)
        operation = DOCUMENT["paths"][path][row.verb.lower()]
        assert row.name in operation["operationId"].split("_")
        assert set(operation["responses"]) >= ({"200"} if row.is_read else {"200", "202"})


@pytest.mark.parametrize("route", [one for one in routes() if one.body], ids=named)
def test_the_example_of_a_body_is_one(route: Route) -> None:
    assert route.body is not None
    schema = {**route.body.schema, "components": DOCUMENT["components"]}

    faults = [one.message for one in Draft202012Validator(schema).iter_errors(route.body.example)]

    assert faults == []


def test_the_example_of_an_answer_is_one() -> None:
    shown = [
        content
        for _, _, operation in described()
        for response in operation["responses"].values()
        for content in response.get("content", {}).values()
        if "example" in content
    ]

    assert {json.dumps(one["schema"]) for one in shown} == {
        f'{{"$ref": "#/components/schemas/{name}"}}' for name in ("ToldOperation", "ConnectorError")
    }
    for one in shown:
        schema = {**one["schema"], "components": DOCUMENT["components"]}
        assert Draft202012Validator(schema).is_valid(one["example"])


def test_every_answer_has_a_request_id() -> None:
    for _, _, operation in described():
        for response in operation["responses"].values():
            assert "x-ms-request-id" in response["headers"]


def test_only_health_is_open_to_all() -> None:
    opened = [path for path, _, operation in described() if operation.get("security") == []]

    assert opened == ["/health"]
    assert {name for one in DOCUMENT["security"] for name in one} == {
        *DOCUMENT["components"]["securitySchemes"]
    }


def test_p8_no_answer_has_a_secret_but_the_one_that_was_just_made() -> None:
    answers: Any = [operation["responses"] for _, _, operation in described()]
    found = needed(answers, SCHEMAS)

    assert "HttpRequestAnswer" in found
    shown_once = found["WebhookSink"]["properties"]
    assert isinstance(shown_once, dict)
    assert shown_once.pop("secret")
    text = json.dumps(found)
    for secret in (
        "writeOnly",
        "password",
        "pfx",
        '"secret"',
        "sasToken",
        'sasKey"',
        "connectionS",
    ):
        assert secret not in text


def test_every_schema_is_used_and_there() -> None:
    parts = DOCUMENT["components"]
    used = {*references({**DOCUMENT["paths"]}), *references({**SCHEMAS})}

    assert used == SCHEMAS.keys()
    text = json.dumps(DOCUMENT)
    assert all(f'"#/components/headers/{name}"' in text for name in parts["headers"])
