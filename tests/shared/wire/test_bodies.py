import pytest

from shared.errors import Fault, InvalidRequestError
from shared.wire.bodies import check_body, read_answer, read_job, read_job_patch, render_body
from shared.wire.catalogue import CATALOGUE
from shared.wire.json_types import Json, JsonObject
from tests.shared.wire.recordings import recorded

ACTION: JsonObject = {"type": "http", "request": {"uri": "http://h/", "method": "GET"}}
JOB = {"job": "j1"}


def faults(name: str, document: Json) -> tuple[Fault, ...]:
    with pytest.raises(InvalidRequestError) as caught:
        check_body(CATALOGUE[name], document, params=JOB, path="$.body")
    return caught.value.faults


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("CreateOrUpdateJob", {"action": ACTION, "id": "j1"}),
        ("CreateOrUpdateCloudService", {"label": "l", "geoRegion": "West US"}),
        ("CreateJobCollection", {}),
        ("PatchJob", {"state": "disabled", "stateDetails": "why"}),
        ("PatchJob", {}),
        ("PatchJob", {"action": {"request": {"authentication": None, "headers": {"X": None}}}}),
        ("PatchJob", {"recurrence": {"interval": 1000}}),
        ("GetJob", None),
        ("DeleteJob", None),
    ],
)
def test_bodies_that_an_endpoint_takes_are_returned(name: str, document: Json) -> None:
    assert check_body(CATALOGUE[name], document, params=JOB) is document


@pytest.mark.parametrize(
    ("name", "document", "expected"),
    [
        ("GetJob", {}, [("$.body", "must be absent: GetJob takes no body")]),
        ("CreateOrUpdateJob", None, [("$.body", "is required")]),
        ("CreateOrUpdateJob", [], [("$.body", "must be an object")]),
        ("CreateOrUpdateJob", {}, [("$.body.action", "is required")]),
        (
            "CreateOrUpdateJob",
            {"id": "j2"},
            [("$.body.action", "is required"), ("$.body.id", "must be 'j1' as in the URI")],
        ),
        (
            "PatchJob",
            {"state": "completed", "status": {}, "recurrence": {"frequency": "year"}},
            [
                ("$.body.recurrence.frequency", "must be one of minute, hour, day, week, month"),
                ("$.body.state", "cannot be set to completed; use enabled or disabled"),
                ("$.body.status", "is read-only"),
            ],
        ),
    ],
)
def test_what_is_wrong_with_a_body_is_told_with_its_path(
    name: str, document: Json, expected: list[tuple[str, str]]
) -> None:
    assert [(fault.path, fault.message) for fault in faults(name, document)] == expected


def test_the_service_chooses_the_id_on_post() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        check_body(CATALOGUE["CreateJob"], {"action": ACTION, "id": "mine"}, params={})

    assert caught.value.faults == (Fault("$.id", "is chosen by the service"),)


def test_the_service_reads_a_recorded_job() -> None:
    job = read_job(recorded("create-job").request, id="job_id")

    assert job.recurrence is not None
    assert job.recurrence.count == 10


def test_a_job_with_the_id_of_another_is_refused() -> None:
    content = (
        b'{"id": "a", "action": {"type": "http", "request": {"uri": "http://h/", "method": "GET"}}}'
    )

    assert read_job(content, id="a").id == "a"
    with pytest.raises(InvalidRequestError, match="must be 'b' as in the URI"):
        read_job(content, id="b")


@pytest.mark.parametrize("content", [b" " * 16385, b'{"a":"' + b"a" * 16384])
def test_jobs_beyond_16_k_are_refused(content: bytes) -> None:
    with pytest.raises(InvalidRequestError, match="a job may have 16384"):
        read_job(content, id=None)
    with pytest.raises(InvalidRequestError, match="a job may have 16384"):
        read_job_patch(content, id="a")


def test_the_service_reads_the_patch_of_the_node_client() -> None:
    patch = read_job_patch(b'{"state":"disabled","stateDetails":"why"}', id="j1")

    assert patch == {"state": "disabled", "stateDetails": "why"}


@pytest.mark.parametrize(
    ("content", "paths"),
    [
        (b"[]", ["$"]),
        (b"{", ["$"]),
        (b'{"id":"b","state":1}', ["$.state", "$.id"]),
        (b'{"id":"a"}', []),
    ],
)
def test_a_patch_is_checked_as_far_as_it_goes(content: bytes, paths: list[str]) -> None:
    if not paths:
        assert read_job_patch(content, id="a")
        return
    with pytest.raises(InvalidRequestError) as caught:
        read_job_patch(content, id="a")
    assert [fault.path for fault in caught.value.faults] == paths


@pytest.mark.parametrize(
    ("name", "document", "start", "content_type"),
    [
        (
            "CreateOrUpdateCloudService",
            {"label": "l", "geoRegion": "west us"},
            b"<CloudService ",
            "application/xml; charset=utf-8",
        ),
        ("CreateJobCollection", {}, b"<Resource ", "application/xml; charset=utf-8"),
        ("PatchJob", {"state": "disabled"}, b'{"state"', "application/json; charset=utf-8"),
    ],
)
def test_bodies_take_the_form_of_the_service(
    name: str, document: JsonObject, start: bytes, content_type: str
) -> None:
    content, found_type = render_body(CATALOGUE[name], document)

    assert content.startswith(start)
    assert found_type == content_type


@pytest.mark.parametrize(
    ("name", "exchange"),
    [
        ("GetJobCollection", "get-job-collection"),
        ("ListCloudServices", "list-cloud-services"),
        ("ListJobs", "list-jobs"),
        ("CreateOrUpdateJob", "create-job"),
        ("GetOperationStatus", "operation-succeeded"),
    ],
)
def test_recorded_answers_are_read(name: str, exchange: str) -> None:
    assert read_answer(CATALOGUE[name], recorded(exchange).response)


def test_a_cloud_service_is_read_with_its_collections() -> None:
    content = (
        b"<CloudService><Name>n</Name><GeoRegion>West US</GeoRegion><Resources/></CloudService>"
    )

    assert read_answer(CATALOGUE["GetCloudService"], content) == {
        "name": "n", "label": "", "description": "", "geoRegion": "West US", "resources": [],
    }  # fmt: skip


def test_an_answer_without_a_body_says_nothing() -> None:
    assert read_answer(CATALOGUE["DeleteJob"], b"") is None


def test_p8_secrets_that_a_server_answers_are_dropped() -> None:
    content = b'[{"id":"a","action":{"queueMessage":{"sasToken":"s3cret","message":"m"}}}]'

    assert read_answer(CATALOGUE["ListJobs"], content) == [
        {"id": "a", "action": {"queueMessage": {"message": "m"}}}
    ]


@pytest.mark.parametrize(
    ("name", "content", "path"),
    [
        ("ListJobs", b"{}", "$"),
        ("ListJobs", b'[{"id":"a"},{}]', "$[1]"),
        ("GetJob", b"[]", "$"),
        ("GetJob", b"<html>", "$"),
        ("GetCloudService", b"{}", "$"),
        ("GetOperationStatus", b"<Operation/>", "$.id"),
    ],
)
def test_p10_answers_of_another_form_are_faults(name: str, content: bytes, path: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_answer(CATALOGUE[name], content)

    assert caught.value.faults[0].path == path
