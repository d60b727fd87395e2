from codecs import BOM_UTF8
from typing import Annotated

import pytest
from pydantic import AfterValidator, ValidationError

from shared.errors import Fault, InvalidRequestError
from shared.wire.json_types import Json
from shared.wire.model import WireModel, check_characters, read, read_json


class Thing(WireModel):
    first_name: Annotated[str, AfterValidator(check_characters)]
    size: int | None = None


def test_members_are_camel_case_on_the_wire_only() -> None:
    assert Thing(first_name="a").document() == {"firstName": "a"}
    documents: list[Json] = [{"first_name": "a"}, {"firstName": "a", "first_name": "b"}]
    for document in documents:
        with pytest.raises(InvalidRequestError, match="first_name: is not a known member"):
            read(Thing, document)


def test_values_do_not_change() -> None:
    thing = Thing(first_name="a")

    with pytest.raises(ValidationError):
        thing.first_name = "b"


def test_all_faults_come_together_with_their_paths() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_json(Thing, b'{"size": "big", "colour": 1}')

    assert caught.value.faults == (
        Fault("$.firstName", "is required"),
        Fault("$.size", "must be a valid integer, unable to parse string as an integer"),
        Fault("$.colour", "is not a known member"),
    )


def test_the_root_of_the_paths_can_be_inside_a_larger_document() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read(Thing, [], path="$[2].body")

    assert caught.value.faults == (Fault("$[2].body", "must be an object"),)


def test_text_that_xml_cannot_hold_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="control characters"):
        read(Thing, {"firstName": "a\x00"})


def test_p10_text_that_is_no_json_is_a_fault() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_json(Thing, b"{")

    assert caught.value.faults[0].path == "$"


def test_a_byte_order_mark_before_a_document_is_passed_over() -> None:
    assert read_json(Thing, BOM_UTF8 + b'{"firstName": "a"}') == Thing(first_name="a")
    assert read_json(Thing, BOM_UTF8 + b'{"FirstName": "a"}') == Thing(first_name="a")
