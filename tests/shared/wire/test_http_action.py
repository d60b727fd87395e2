import pytest

from shared.errors import Fault, InvalidRequestError
from shared.wire.http_action import HttpRequest
from shared.wire.json_types import Json, JsonObject
from shared.wire.merge import merge
from shared.wire.model import read

REQUEST: JsonObject = {"uri": "http://example.org/", "method": "GET"}


def faults_of_request(change: JsonObject) -> tuple[Fault, ...]:
    with pytest.raises(InvalidRequestError) as caught:
        read(HttpRequest, merge(REQUEST, change))
    return caught.value.faults


@pytest.mark.parametrize(
    "uri",
    ["http://bing.com/", "HTTPS://example.org:8443/a?b=c#d", "http://[::1]/", "http://h/%7e ä".replace(" ", ""),
     "http://h/" + "a" * 2039],
)  # fmt: skip
def test_uris_are_kept_as_they_are(uri: str) -> None:
    request = read(HttpRequest, merge(REQUEST, {"uri": uri}))

    assert request.uri == uri


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
        ("http://h/" + "a" * 2040, "must have at most 2048 characters"),
    ],
)
def test_uris_that_cannot_be_called_are_refused(uri: str, message: str) -> None:
    assert faults_of_request({"uri": uri}) == (Fault("$.uri", message),)


@pytest.mark.parametrize("method", ["", "GET /", "GET\r\n", "x" * 33])
def test_methods_must_be_tokens(method: str) -> None:
    assert [fault.path for fault in faults_of_request({"method": method})] == ["$.method"]


def test_case_of_method_and_header_names_is_kept() -> None:
    headers: JsonObject = {"ContEnt-TyPe": "Text/Plain"}

    request = read(HttpRequest, merge(REQUEST, {"method": "get", "headers": headers}))

    assert (request.method, request.headers) == ("get", headers)


@pytest.mark.parametrize(
    ("headers", "path"),
    [
        ({f"X-{number}": "" for number in range(51)}, "$.headers"),
        ({"X": "a" * 4096}, "$.headers"),
        ({"X Y": ""}, "$.headers['X Y']"),
        ({"": ""}, "$.headers['']"),
        ({"X": "a\r\nInjected: b"}, "$.headers.X"),
        ({"X": "a\nb"}, "$.headers.X"),
        ({"X": "a\x00"}, "$.headers.X"),
        ({"X": 1}, "$.headers.X"),
        ([], "$.headers"),
    ],
    ids=["many", "long", "blank", "nameless", "injected", "folded", "nul", "number", "array"],
)
def test_headers_that_cannot_be_sent_are_refused(headers: Json, path: str) -> None:
    assert [fault.path for fault in faults_of_request({"headers": headers})] == [path]


def test_headers_up_to_the_limits_are_taken() -> None:
    headers: JsonObject = {f"X-{number:02}": "\ta" for number in range(49)}
    headers["Y"] = "a" * (4096 - 49 * 6 - 1)

    request = read(HttpRequest, merge(REQUEST, {"headers": headers}))

    assert request.headers == headers


def test_body_is_limited_in_characters() -> None:
    read(HttpRequest, merge(REQUEST, {"body": "ä" * 8192}))

    assert faults_of_request({"body": "ä" * 8193}) == (
        Fault("$.body", "must have at most 8192 characters"),
    )


def test_p8_credentials_under_the_name_of_the_first_preview_are_forgotten() -> None:
    old: JsonObject = {"type": "ClientCertificate", "pfx": "pfx", "password": "s3cret"}

    for name in ("httpAuthentication", "HttpAuthentication"):
        request = read(HttpRequest, {**REQUEST, name: old})
        assert request.document() == REQUEST
        assert "s3cret" not in repr(request)
