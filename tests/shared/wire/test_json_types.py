import json
from codecs import BOM_UTF8

import pytest
from hypothesis import given

from shared.errors import InvalidRequestError
from shared.wire.json_types import Json, parse_json
from tests.shared.wire import strategies


@given(strategies.json_values)
def test_json_is_what_the_standard_library_wrote(document: Json) -> None:
    assert parse_json(json.dumps(document).encode()) == document


def test_a_byte_order_mark_before_json_is_passed_over() -> None:
    assert parse_json(BOM_UTF8 + b'{"a":1}') == {"a": 1}


@pytest.mark.parametrize(
    "content",
    [b"", BOM_UTF8, BOM_UTF8 * 2 + b"1", b"{",
     b'{"a":1,}', b"NaN", b"[Infinity]", b"\xff", b'"\\ud800"', b"[" * 5000 + b"]" * 5000, b"{}{}"],
    ids=range(11),
)  # fmt: skip
def test_p10_what_is_no_json_is_a_fault(content: bytes) -> None:
    with pytest.raises(InvalidRequestError, match="is not JSON") as caught:
        parse_json(content)

    assert caught.value.faults[0].path == "$"
