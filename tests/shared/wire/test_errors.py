import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Fault
from shared.wire.errors import json_error, rdfe_error, read_error
from shared.wire.operation import ServiceError
from tests.shared.wire import strategies

MESSAGE = "The specified profile name onesdk5716 does not exist."
RECORDED = (
    '<Error xmlns="http://schemas.microsoft.com/windowsazure"'
    ' xmlns:i="http://www.w3.org/2001/XMLSchema-instance">\r\n  <Code>ResourceNotFound</Code>'
    f"\r\n  <Message>{MESSAGE}</Message>\r\n</Error>"
)


def test_the_front_ends_error_is_written_as_recorded() -> None:
    written = rdfe_error("ResourceNotFound", MESSAGE).decode()

    assert written == RECORDED.replace("\r\n  ", "").replace("\r\n", "")


def test_the_providers_error_is_json() -> None:
    assert json_error("NotFound", "Job 'X' cannot be found.") == (
        b'{"error":{"code":"NotFound","message":"Job \'X\' cannot be found."}}'
    )


def test_p10_the_connectors_error_has_every_fault_with_its_path() -> None:
    faults = [Fault("$.action.type", "is required"), Fault("$.state", "is wrong")]

    document = json.loads(json_error("BadRequest", "m", faults))

    assert document["error"]["details"] == [
        {"code": "BadRequest", "target": "$.action.type", "message": "is required"},
        {"code": "BadRequest", "target": "$.state", "message": "is wrong"},
    ]


@given(strategies.words, strategies.xml_texts)
def test_errors_survive_in_both_forms(code: str, message: str) -> None:
    expected = ServiceError(code=code, message=message)

    assert read_error(rdfe_error(code, message)) == expected
    assert read_error(json_error(code, message)) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (RECORDED.encode(), ServiceError(code="ResourceNotFound", message=MESSAGE)),
        (b'{"Code":"C","Message":"m"}', ServiceError(code="C", message="m")),
        (b'{"error":{"code":"C"}}', ServiceError(code="C")),
        (b'{"error":{"code":"C","message":1}}', ServiceError(code="C")),
        (b'{"error":{"code":1}}', None),
        (b'{"code":""}', None),
        (b'{"error":"C"}', None),
        (b"[]", None),
        (b"", None),
        (b"<html>Bad Gateway</html>", None),
        (b"<Error/>", None),
        (b"Bad Gateway", None),
    ],
)
def test_errors_of_any_server_are_read(content: bytes, expected: ServiceError | None) -> None:
    assert read_error(content) == expected


@given(st.binary(max_size=60))
def test_p10_any_bytes_are_an_error_or_none(content: bytes) -> None:
    assert read_error(content) is None
