"""Answers in the connector's forms."""

import json

import pytest

from shared.connector.answers import LARGEST_RESULT, document_of, end_of
from shared.connector.operations import OperationStatus
from shared.errors import InvalidRequestError
from shared.wire.catalogue import CATALOGUE
from shared.wire.classic_catalogue import CLASSIC_ROWS
from shared.wire.cloud_service import CloudServiceAnswer
from shared.wire.endpoint import ResponseKind
from shared.wire.job_collection import JobCollectionAnswer
from shared.wire.json_types import Json
from shared.wire.provider import encode_name_availability, encode_provider_properties
from shared.wire.xml_codec import encode_cloud_service_answer
from tests.shared.connector.servers import answer


def test_what_no_command_asks_for_is_not_taken_for_an_answer() -> None:
    asked = {row.response for row in CATALOGUE.values()}
    rows = [row for row in CLASSIC_ROWS if row.response not in asked]

    assert ResponseKind.MANAGEMENT_CERTIFICATE in {row.response for row in rows}
    for row in rows:
        with pytest.raises(InvalidRequestError, match="which no command asks for"):
            document_of(row, b"{}")


def test_result_of_a_change_is_kept_up_to_4_mb() -> None:
    longest = json.dumps({"id": "j" * (LARGEST_RESULT - 10)}).encode()
    assert len(longest) == LARGEST_RESULT

    kept, left = (
        end_of(CATALOGUE["PatchJob"], answer(200, body)) for body in (longest, longest + b" ")
    )

    assert kept.result == json.loads(longest)
    assert (left.status, left.result) == (OperationStatus.SUCCEEDED, None)


@pytest.mark.parametrize(
    ("name", "body", "code", "words"),
    [
        ("ListJobs", b"[" + b" " * LARGEST_RESULT + b"]", "ResultTooLarge", "$top and $skip"),
        ("GetCloudService", b" " * LARGEST_RESULT + b"<x/>", "ResultTooLarge", "can be kept"),
        ("ListJobs", b"<html>", "Rejected", "cannot be read"),
        ("CheckJobCollectionName", b"<html/>", "Rejected", "cannot be read"),
        ("GetResourceProviderProperties", b"", "Rejected", "cannot be read"),
    ],
    ids=range(5),
)
def test_a_read_that_brings_nothing_has_failed(
    name: str, body: bytes, code: str, words: str
) -> None:
    end = end_of(CATALOGUE[name], answer(200, body))

    assert (end.status, end.http_status, end.result) == (OperationStatus.FAILED, 200, None)
    assert end.error is not None
    assert (end.error.code, words in end.error.message) == (code, True)


SERVICE = CloudServiceAnswer(
    name="cs1",
    label="l",
    geo_region="West Europe",
    resources=(JobCollectionAnswer(name="jc1", etag="e"),),
)
COLLECTION = {
    "name": "jc1",
    "etag": "e",
    "state": "Started",
    "plan": "Standard",
    "operationType": "Create",
    "operationResult": "Succeeded",
}


@pytest.mark.parametrize(
    ("name", "body", "document"),
    [
        ("ListJobCollections", encode_cloud_service_answer(SERVICE), [COLLECTION]),
        ("CheckJobCollectionName", encode_name_availability(is_available=True), {"isAvailable": True}),
        ("CheckJobCollectionName", encode_name_availability(is_available=False), {"isAvailable": False}),
        ("GetResourceProviderProperties", encode_provider_properties([("Plans", "Free, Standard")]),
         {"Plans": "Free, Standard"}),
        ("GetResourceProvider", b'{"namespace": "n"}', {"namespace": "n"}),
        ("SetJobsState", b'[{"id": "j", "secret": "geheim"}]', [{"id": "j"}]),
        ("RunJob", b"whatever", None),
    ],
    ids=range(7),
)  # fmt: skip
def test_answers_become_documents_without_secrets(name: str, body: bytes, document: Json) -> None:
    end = end_of(CATALOGUE[name], answer(200, body))

    assert (end.status, end.result) == (OperationStatus.SUCCEEDED, document)
