import pytest

from shared.errors import Fault, InvalidRequestError
from shared.wire.bodies import check_body, check_job_patch, read_job, read_job_patch
from shared.wire.catalogue import CATALOGUE
from shared.wire.job_collection import Plan
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
        ("PatchJob", {"action": ACTION}),
        ("PatchJob", {"action": {"request": {"authentication": None, "headers": {"X": None}}}}),
        ("PatchJob", {"recurrence": {"interval": 1000}}),
        ("UpdateJobCollection", {"plan": "Free"}),
        ("PatchJobCollection", {"quota": {"maxRecurrence": {"interval": 5}}, "label": None}),
        ("SetJobsState", {"state": "Disabled", "stateDetails": "why"}),
        (
            "EntitleResource",
            {"resourceProviderNameSpace": "s", "type": "t", "registrationDate": "2016-01-01"},
        ),
        ("EnableJobCollection", None),
        ("RegisterResourceProvider", None),
        ("GetJob", None),
        ("DeleteJob", None),
        ("RunJob", None),
        ("GetJobHistory", None),
    ],
)
def test_bodies_that_an_endpoint_takes_are_returned(name: str, document: Json) -> None:
    assert check_body(CATALOGUE[name], document, params=JOB) is document


@pytest.mark.parametrize(
    ("name", "document", "expected"),
    [
        ("GetJob", {}, [("$.body", "must be absent: GetJob takes no body")]),
        ("RunJob", {}, [("$.body", "must be absent: RunJob takes no body")]),
        (
            "EnableJobCollection",
            {},
            [("$.body", "must be absent: EnableJobCollection takes no body")],
        ),
        (
            "SetJobsState",
            {"stateDetails": "why"},
            [("$.body.state", "is required")],
        ),
        (
            "SetJobsState",
            {"state": "faulted", "action": ACTION},
            [
                ("$.body.state", "cannot be set to faulted; use enabled or disabled"),
                ("$.body.action", "is not a known member"),
            ],
        ),
        (
            "PatchJobCollection",
            {"plan": "Gold", "state": "Stopped"},
            [
                ("$.body.plan", f"must be one of {', '.join(Plan)}"),
                ("$.body.state", "is not a known member"),
            ],
        ),
        (
            "EntitleResource",
            {"type": ""},
            [
                ("$.body.resourceProviderNameSpace", "is required"),
                ("$.body.type", "must have at least 1 character"),
                ("$.body.registrationDate", "is required"),
            ],
        ),
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


def test_a_body_is_returned_in_our_spelling() -> None:
    sent: JsonObject = {
        "Action": {"Type": "http", "REQUEST": {"uri": "http://h/", "method": "GET"}}
    }

    assert check_body(CATALOGUE["CreateOrUpdateJob"], sent, params=JOB) == {"action": ACTION}
    assert check_body(CATALOGUE["PatchJob"], sent, params=JOB) == {"action": ACTION}
    assert read_job_patch(b'{"State":"disabled"}', id="a") == {"state": "disabled"}


def test_a_member_of_a_body_that_comes_twice_is_a_fault() -> None:
    twice = Fault("$.body.state", "is given more than once, differing in case")

    assert faults("PatchJob", {"state": "enabled", "STATE": "disabled"}) == (twice,)
    assert twice in faults("CreateOrUpdateJob", {"state": "enabled", "STATE": "disabled"})


def test_p8_a_pfx_of_a_patch_is_opened_at_the_door() -> None:
    bad: JsonObject = {"pfx": "s3cret", "password": "s3cret"}
    patch: JsonObject = {"action": {"request": {"authentication": bad}}}

    [fault] = faults("PatchJob", patch)

    assert fault.path == "$.body.action.request.authentication.pfx"
    assert "s3cret" not in fault.message
    with pytest.raises(InvalidRequestError, match="cannot be opened"):
        check_job_patch(patch, id="a")


@pytest.mark.parametrize(
    ("authentication", "path"),
    [
        ({"type": "Basic", "pfx": "p"}, "pfx"),
        ({"password": 5}, "password"),
        ({"type": "Digest"}, "type"),
        ({"clientId": ""}, "clientId"),
    ],
)
def test_credentials_of_a_patch_are_checked_as_far_as_they_go(
    authentication: JsonObject, path: str
) -> None:
    [fault] = faults("PatchJob", {"action": {"request": {"authentication": authentication}}})

    assert fault.path == f"$.body.action.request.authentication.{path}"
