import json

from hypothesis import given

from shared.wire.json_codec import encode_json
from shared.wire.json_types import Json, parse_json
from tests.shared.wire import strategies
from tests.shared.wire.recordings import recorded


@given(strategies.json_values)
def test_what_is_written_reads_as_what_it_was(document: Json) -> None:
    assert parse_json(encode_json(document)) == document


def test_a_recorded_answer_is_written_byte_for_byte() -> None:
    content = recorded("list-jobs").response

    assert encode_json(json.loads(content)) == content


def test_only_the_solidus_is_escaped_beyond_need() -> None:
    assert encode_json({"ä/": "a\\/b"}) == '{"ä\\/":"a\\\\\\/b"}'.encode()
