import pytest

from shared.errors import Fault, InvalidRequestError
from shared.wire.action import BasicAuthentication, JobAction, RetryPolicy
from shared.wire.json_types import Json, JsonObject
from shared.wire.merge import merge
from shared.wire.model import WireModel, read

REQUEST: JsonObject = {"uri": "http://example.org/", "method": "GET"}
ACTION: JsonObject = {"type": "http", "request": dict(REQUEST)}
BASIC: JsonObject = {"type": "basic", "username": "u", "password": "s3cret"}


def faults(model: type[WireModel], document: Json) -> tuple[Fault, ...]:
    with pytest.raises(InvalidRequestError) as caught:
        read(model, document)
    return caught.value.faults


def faults_of_request(change: JsonObject) -> tuple[Fault, ...]:
    return faults(JobAction, merge(ACTION, {"request": change}))


@pytest.mark.parametrize(
    "uri",
    ["http://bing.com/", "HTTPS://example.org:8443/a?b=c#d", "http://[::1]/", "http://h/%7e ä".replace(" ", ""),
     "http://h/" + "a" * 2039],
)  # fmt: skip
def test_uris_are_kept_as_they_are(uri: str) -> None:
    action = read(JobAction, merge(ACTION, {"request": {"uri": uri}}))

    assert action.request.uri == uri


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("ftp://example.org/", "must be an absolute http or https URI"),
        ("/relative", "must be an absolute http or https URI"),
        ("http://", "must be an absolute http or https URI"),
        ("http://:80/", "must be an absolute http or https URI"),
        ("http://h:99999/", "is no URI: Port out of range 0-65535"),
        ("http://[::1/", "is no URI: Invalid IPv6 URL"),
        ("http://h/a b", "must not contain blanks or control characters"),
        ("http://h/a\r\nb", "must not contain blanks or control characters"),
        ("http://u:s3cret@h/", "must not contain credentials: use authentication"),
        ("http://h/" + "a" * 2040, "String should have at most 2048 characters"),
    ],
)
def test_uris_that_cannot_be_called_are_refused(uri: str, message: str) -> None:
    assert faults_of_request({"uri": uri}) == (Fault("$.request.uri", message),)


@pytest.mark.parametrize("method", ["", "GET /", "GET\r\n", "x" * 33])
def test_methods_must_be_tokens(method: str) -> None:
    assert [fault.path for fault in faults_of_request({"method": method})] == ["$.request.method"]


def test_case_of_method_and_header_names_is_kept() -> None:
    headers: JsonObject = {"ContEnt-TyPe": "Text/Plain"}

    action = read(JobAction, merge(ACTION, {"request": {"method": "get", "headers": headers}}))

    assert (action.request.method, action.request.headers) == ("get", headers)


@pytest.mark.parametrize(
    ("headers", "path"),
    [
        ({f"X-{number}": "" for number in range(51)}, "$.request.headers"),
        ({"X": "a" * 4096}, "$.request.headers"),
        ({"X Y": ""}, "$.request.headers['X Y']"),
        ({"": ""}, "$.request.headers['']"),
        ({"X": "a\r\nInjected: b"}, "$.request.headers.X"),
        ({"X": "a\nb"}, "$.request.headers.X"),
        ({"X": "a\x00"}, "$.request.headers.X"),
        ({"X": 1}, "$.request.headers.X"),
        ([], "$.request.headers"),
    ],
    ids=["many", "long", "blank", "nameless", "injected", "folded", "nul", "number", "array"],
)
def test_headers_that_cannot_be_sent_are_refused(headers: Json, path: str) -> None:
    assert [fault.path for fault in faults_of_request({"headers": headers})] == [path]


def test_headers_up_to_the_limits_are_taken() -> None:
    headers: JsonObject = {f"X-{number:02}": "\ta" for number in range(49)}
    headers["Y"] = "a" * (4096 - 49 * 6 - 1)

    action = read(JobAction, merge(ACTION, {"request": {"headers": headers}}))

    assert action.request.headers == headers


def test_body_is_limited_in_characters() -> None:
    read(JobAction, merge(ACTION, {"request": {"body": "ä" * 8192}}))

    assert faults_of_request({"body": "ä" * 8193}) == (
        Fault("$.request.body", "String should have at most 8192 characters"),
    )


def test_p8_a_password_never_shows() -> None:
    authentication = read(BasicAuthentication, BASIC)

    shown = f"{authentication!r} {authentication} {authentication.model_dump()} "
    shown += authentication.model_dump_json()

    assert "s3cret" not in shown
    assert authentication.document()["password"] == "s3cret"


def test_p8_a_password_is_in_no_fault() -> None:
    found = faults(
        BasicAuthentication, {"type": "s3cret", "username": "a:b", "password": ["s3cret"]}
    )

    assert [fault.path for fault in found] == ["$.username", "$.password", "$.type"]
    assert "s3cret" not in str(found)


@pytest.mark.parametrize("kind", ["ClientCertificate", "activedirectoryoauth"])
def test_other_authentication_is_not_supported_yet(kind: str) -> None:
    found = faults(BasicAuthentication, {**BASIC, "type": kind})

    assert found == (Fault("$.type", f"'{kind}' is not supported yet; use one of Basic"),)


@pytest.mark.parametrize("kind", ["storageQueue", "ServiceBusQueue", "serviceBusTopic"])
def test_other_actions_are_not_supported_yet(kind: str) -> None:
    found = faults(JobAction, {"type": kind, "queueMessage": {}, "request": REQUEST})

    assert found == (
        Fault("$.type", f"'{kind}' is not supported yet; use one of http, https"),
        Fault("$.queueMessage", "queueMessage is not supported yet"),
    )


@pytest.mark.parametrize(
    ("interval", "expected"),
    [("00:00:15", "00:00:15"), ("PT1M30S", "00:01:30"), ("548.00:00:00", "548.00:00:00")],
)
def test_retry_interval_is_answered_as_time_span(interval: str, expected: str) -> None:
    policy = read(RetryPolicy, {"retryType": "Fixed", "retryInterval": interval, "retryCount": 20})

    assert policy.document() == {
        "retryType": "fixed", "retryInterval": expected, "retryCount": 20
    }  # fmt: skip


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        ("retryInterval", "00:00:14", "is 00:00:14; from 00:00:15 to 548.00:00:00 are allowed"),
        ("retryInterval", "P549D", "is 549.00:00:00; from 00:00:15 to 548.00:00:00 are allowed"),
        ("retryCount", 0, "must be greater than or equal to 1"),
        ("retryCount", 21, "must be less than or equal to 20"),
        ("retryCount", "3", "must be an integer"),
        ("retryCount", True, "must be an integer"),
        ("retryType", "exponential", "must be one of none, fixed"),
    ],
)
def test_retry_limits(member: str, value: Json, message: str) -> None:
    document = {"retryType": "fixed", member: value}

    assert faults(RetryPolicy, document) == (Fault(f"$.{member}", message),)


def test_an_error_action_has_no_retry_policy_of_its_own() -> None:
    error_action: JsonObject = {**ACTION, "retryPolicy": {"retryType": "none"}}

    assert faults(JobAction, {**ACTION, "errorAction": error_action}) == (
        Fault("$.errorAction.retryPolicy", "is not a known member"),
    )
