"""The OpenAPI document: valid, complete, and the one that is kept in the reference."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from shared.scheduler.service.paging import MAX_ARM_HISTORY_TOP
from shared.wire.arm_catalogue import ARM_ROWS
from shared.wire.catalogue import FRONT_END_JOBS
from shared.wire.classic_catalogue import CLASSIC_ROWS
from shared.wire.endpoint import Endpoint, Surface
from shared.wire.openapi.document import (
    encode_document,
    openapi_document,
    operations,
    references,
)
from shared.wire.queries import MAX_HISTORY_TOP, MAX_TOP

REFERENCE = Path(__file__).parents[4] / "docs" / "reference" / "openapi" / "scheduler.json"
DOCUMENT: dict[str, Any] = openapi_document()
ROWS = [*CLASSIC_ROWS, *ARM_ROWS]
WITH_BODY = ("PUT", "POST", "PATCH")


def described() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def operation_of(row: Endpoint) -> dict[str, Any]:
    (found,) = [
        operation
        for _, _, operation in described()
        if row.name in operation["operationId"].split("_")
        and operation["operationId"].startswith(row.surface)
        and ("Post" in operation["operationId"]) == (row.is_read and row.method == "POST")
        and ("FrontEnd" in operation["operationId"]) == (row.path == FRONT_END_JOBS)
    ]
    return found


def test_the_document_is_valid() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_the_reference_holds_the_document_as_it_is_now() -> None:
    assert REFERENCE.read_text() == encode_document(), "run `make openapi`"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.surface}-{row.method}-{row.name}")
def test_every_row_is_an_operation_with_its_successes(row: Endpoint) -> None:
    operation = operation_of(row)

    successes = {int(status) for status in operation["responses"] if status < "400"}
    assert row.success <= successes
    assert successes - row.success <= ({202} if row.waits else set())


def test_rows_that_only_the_query_tells_apart_are_one_operation() -> None:
    (services,) = [one for path, _, one in described() if path == "/{subscription}/services"]

    (selector,) = [one for one in services["parameters"] if one["name"] == "action"]
    assert selector["required"]
    assert selector["schema"]["enum"] == ["register", "unregister"]


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for _, _, operation in described()]

    assert len(set(names)) == len(names) == len([*operations()])


def test_every_error_has_the_form_of_whoever_answers() -> None:
    for path, _, operation in described():
        for status, response in operation["responses"].items():
            if status >= "400":
                assert set(response["content"]) == forms_of_error(path, status)


def forms_of_error(path: str, status: str) -> set[str]:
    if path.startswith("/subscriptions/"):
        return {"application/json"}
    if "/~/" not in path:
        return {"application/xml"}
    # Version and certificate are looked at before the path.
    by_both = {"application/xml", "application/json"}
    return by_both if status in ("400", "403") else {"application/json"}


def test_every_answer_has_a_request_id() -> None:
    for _, _, operation in described():
        for response in operation["responses"].values():
            assert response["headers"]["x-ms-request-id"] == {
                "$ref": "#/components/headers/RequestId"
            }


def test_p8_no_answer_has_a_secret() -> None:
    answers: Any = [operation["responses"] for _, _, operation in described()]
    schemas = DOCUMENT["components"]["schemas"]
    found, waiting = set[str](), [*references(answers)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += references(schemas[name])

    text = json.dumps([schemas[name] for name in found])
    assert "HttpRequestAnswer" in found
    assert "writeOnly" not in text
    for secret in ("password", "pfx", '"secret"', "sasToken", 'sasKey"'):
        assert secret not in text


def test_every_schema_is_used_and_there() -> None:
    schemas = DOCUMENT["components"]["schemas"]

    needed = {*references(DOCUMENT["paths"]), *references(schemas)}
    assert needed == set(schemas)


def test_an_action_has_the_payload_of_its_type() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    action = schemas["JobAction"]

    name = action["discriminator"]["mapping"]["storageQueue"].rpartition("/")[2]
    assert schemas[name]["required"] == ["queueMessage", "type"]
    assert "request" not in schemas[name]["properties"]
    assert len(action["oneOf"]) == 4


@pytest.mark.parametrize(
    "row", [one for one in ROWS if one.method in WITH_BODY and one.request_model], ids=repr
)
def test_every_body_that_the_catalogue_knows_is_described(row: Endpoint) -> None:
    content = operation_of(row)["requestBody"]["content"]

    assert list(content) == ["application/xml" if row.is_xml else "application/json"]


def test_both_surfaces_are_told_apart_by_who_may_call() -> None:
    for path, _, operation in described():
        is_arm = path.startswith("/subscriptions/")
        assert operation["security"] == [{"bearerToken" if is_arm else "managementCertificate": []}]
        assert operation["tags"] == ["Azure Resource Manager" if is_arm else "Service Management"]
    assert {row.surface for row in ROWS} == set(Surface)


@pytest.mark.parametrize(
    ("operation_id", "most"),
    [
        ("classic_ListJobs", MAX_TOP),
        ("classic_GetJobHistory", MAX_HISTORY_TOP),
        ("arm_ListJobs", MAX_TOP),
        ("arm_GetJobHistory", MAX_ARM_HISTORY_TOP),
    ],
)
def test_pages_are_as_long_as_the_service_makes_them(operation_id: str, most: int) -> None:
    (listing,) = [one for _, _, one in described() if one["operationId"] == operation_id]

    (top,) = [one["schema"] for one in listing["parameters"] if one["name"] == "$top"]
    assert (top["minimum"], top["maximum"]) == (1, most)
