import pytest

from shared.errors import InvalidRequestError
from shared.wire.action import JobAction
from shared.wire.job import Job
from shared.wire.job_patch import merge_job, with_certificates
from shared.wire.json_types import Json, JsonObject
from shared.wire.model import read_stored
from shared.wire.times import format_instant
from tests.client_certificates import EXPIRES_AT, TERRAFORM, name, pfx_of, self_signed

PFX = pfx_of(self_signed(name(*TERRAFORM)), "geheim")
NAMES = ("certificateThumbprint", "certificateExpiration", "certificateSubjectName")
CERTIFICATE: JsonObject = {
    "certificateThumbprint": "77ED",
    "certificateExpiration": "2021-01-01T07:00:00Z",
    "certificateSubjectName": "CN=old",
    "pfx": "sealed1.k1.old",
    "password": "sealed1.k1.old",
    "type": "ClientCertificate",
}
BASIC: JsonObject = {"username": "u", "password": "sealed1.k1.old", "type": "Basic"}
STORAGE: JsonObject = {"storageAccount": "a", "queueName": "q", "sasToken": "sealed1.k1.old"}


def job(authentication: Json = None) -> JsonObject:
    request: JsonObject = {"uri": "http://h/", "method": "GET"}
    if authentication:
        request["authentication"] = authentication
    return {"action": {"request": request, "type": "http"}, "state": "enabled"}


def patch(authentication: Json) -> JsonObject:
    return {"action": {"request": {"authentication": authentication}}}


def patched(stored: JsonObject, change: JsonObject) -> JsonObject:
    """Return the authentication that a patch makes of one."""
    action = read_stored(Job, merge_job(job(stored), patch(change))).document()["action"]
    assert isinstance(action, dict)
    assert isinstance(action["request"], dict)
    authentication = action["request"]["authentication"]
    assert isinstance(authentication, dict)
    return authentication


def refused(stored: JsonObject, change: JsonObject) -> list[str]:
    with pytest.raises(InvalidRequestError) as caught:
        read_stored(Job, merge_job(job(stored), patch(change)))
    return [f.path.removeprefix("$.action.request.authentication") for f in caught.value.faults]


@pytest.mark.parametrize("stored", [CERTIFICATE, BASIC])
@pytest.mark.parametrize(
    "change", [{}, {"state": "disabled"}, {"action": {"request": {"method": "POST"}}}, patch({})]
)
def test_what_a_patch_does_not_name_stays(stored: JsonObject, change: JsonObject) -> None:
    action = merge_job(job(stored), change)["action"]

    assert isinstance(action, dict)
    assert isinstance(action["request"], dict)
    assert action["request"]["authentication"] == stored


def certified(authentication: JsonObject) -> JsonObject:
    """Return what a patch of an authentication becomes before it is merged."""
    action = with_certificates(patch(authentication))["action"]
    assert isinstance(action, dict)
    assert isinstance(action["request"], dict)
    found = action["request"]["authentication"]
    assert isinstance(found, dict)
    return found


def test_a_new_pfx_is_told_anew_and_takes_its_password_along() -> None:
    told = patched(CERTIFICATE, certified({"pfx": PFX, "password": "geheim"}))

    assert told["certificateExpiration"] == format_instant(EXPIRES_AT)
    assert told["certificateThumbprint"] != "77ED"
    assert told["certificateSubjectName"] != "CN=old"
    assert (told["pfx"], told["password"]) == (PFX, "geheim")


@pytest.mark.parametrize("password", [{}, {"password": None}])
def test_a_new_pfx_without_a_password_has_none(password: JsonObject) -> None:
    bare = pfx_of(self_signed(name(*TERRAFORM)))

    found = patched(CERTIFICATE, certified({"pfx": bare, **password}))

    assert "password" not in found
    assert found["pfx"] == bare
    assert found["certificateThumbprint"] != "77ED"


def test_what_a_caller_says_of_the_certificate_changes_nothing() -> None:
    said: JsonObject = {**dict.fromkeys(NAMES, "mine"), "type": "clientCertificate"}

    assert with_certificates(patch(said)) == patch({"type": "clientCertificate"})
    assert patched(CERTIFICATE, {"type": "clientCertificate"}) == CERTIFICATE


def test_each_pfx_that_cannot_be_opened_is_a_fault_with_its_path() -> None:
    bad = patch({"pfx": PFX, "password": "s3cret"})
    both: JsonObject = {"action": {**bad["action"], "errorAction": bad["action"]}}  # type: ignore[dict-item]

    with pytest.raises(InvalidRequestError) as caught:
        with_certificates(both, path="$.properties")

    assert [fault.path for fault in caught.value.faults] == [
        "$.properties.action.request.authentication.pfx",
        "$.properties.action.errorAction.request.authentication.pfx",
    ]
    assert "s3cret" not in caught.value.message


@pytest.mark.parametrize(
    "change",
    [{"password": "new"}, {"password": None}, {"password": "new", "type": "ClientCertificate"}],
)
def test_the_password_of_a_certificate_does_not_change_alone(change: JsonObject) -> None:
    assert refused(CERTIFICATE, change) == [".password"]


def test_the_password_of_a_user_changes_alone() -> None:
    assert patched(BASIC, {"password": "new"}) == {**BASIC, "password": "new"}


@pytest.mark.parametrize(("stored", "kind"), [(BASIC, "basic"), (CERTIFICATE, "CLIENTCERTIFICATE")])
def test_the_same_type_in_another_case_is_no_change(stored: JsonObject, kind: str) -> None:
    assert patched(stored, {"type": kind}) == stored


def test_another_type_leaves_nothing_of_the_old_one() -> None:
    oauth: JsonObject = {
        "tenant": "t", "audience": "a", "clientId": "c", "secret": "sealed", "type": "ActiveDirectoryOAuth",
    }  # fmt: skip

    assert patched(CERTIFICATE, BASIC) == BASIC
    assert patched(BASIC, oauth) == oauth
    assert patched(oauth, {**CERTIFICATE, "secret": None}) == CERTIFICATE


@pytest.mark.parametrize(
    ("stored", "kind", "paths"),
    [
        (BASIC, "ClientCertificate", [".pfx"]),
        (CERTIFICATE, "Basic", [".username", ".password"]),
        (BASIC, "ActiveDirectoryOAuth", [".tenant", ".audience", ".clientId", ".secret"]),
    ],
)
def test_another_type_needs_its_members(stored: JsonObject, kind: str, paths: list[str]) -> None:
    assert refused(stored, {"type": kind}) == paths


def test_members_of_another_type_are_refused() -> None:
    assert refused(BASIC, {"tenant": "t"}) == [".tenant"]


def test_null_removes_the_authentication() -> None:
    assert merge_job(job(CERTIFICATE), patch(None)) == job()


def test_another_type_of_action_replaces_the_payload() -> None:
    changed = merge_job(job(BASIC), {"action": {"type": "StorageQueue", "queueMessage": STORAGE}})

    action = read_stored(JobAction, changed["action"]).document()
    assert action == {"queueMessage": STORAGE, "type": "storageQueue"}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"type": "storageQueue"}, "$.queueMessage"),
        ({"queueMessage": STORAGE}, "$.queueMessage"),
        ({"type": "storageQueue", "queueMessage": STORAGE, "request": {"method": "PUT"}}, "$.request"),
    ],
)  # fmt: skip
def test_a_patch_must_bring_the_payload_of_the_type_it_names(change: JsonObject, path: str) -> None:
    changed = merge_job(job(), {"action": change})

    with pytest.raises(InvalidRequestError) as caught:
        read_stored(JobAction, changed["action"])

    assert path in [fault.path for fault in caught.value.faults]


def test_http_and_https_share_their_payload() -> None:
    action = merge_job(job(BASIC), {"action": {"type": "HTTPS"}})["action"]

    assert action == {**job(BASIC)["action"], "type": "HTTPS"}  # type: ignore[dict-item]


def test_error_actions_are_merged_by_the_same_rules() -> None:
    stored = job()
    stored["action"] = {**stored["action"], "errorAction": job(BASIC)["action"]}  # type: ignore[dict-item]
    change: JsonObject = {"errorAction": {"type": "storageQueue", "queueMessage": STORAGE}}

    action = read_stored(JobAction, merge_job(stored, {"action": change})["action"]).document()

    assert action["errorAction"] == {"queueMessage": STORAGE, "type": "storageQueue"}
    assert "request" in action


@pytest.mark.parametrize("change", [{"action": None}, {"action": 5}, {"action": {"request": 5}}])
def test_what_is_no_object_is_left_to_the_model(change: JsonObject) -> None:
    assert with_certificates(change) == change
    with pytest.raises(InvalidRequestError):
        read_stored(Job, merge_job(job(BASIC), change))
