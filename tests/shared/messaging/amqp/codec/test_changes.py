"""What a rule's action changed is written into a message that came over AMQP; all else stays, byte for byte."""

from contextlib import suppress
from dataclasses import replace
from math import nan
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import MalformedFrameError
from shared.messaging.amqp.codec.changes import FIELDS, with_changes
from shared.messaging.amqp.codec.envelopes import message_of
from shared.messaging.amqp.codec.sections import (
    AmqpMessage,
    Code,
    Properties,
    decode_message,
    encode_message,
    find_sections,
)
from shared.messaging.amqp.codec.values import Float, Int, Short, Symbol, ULong
from shared.messaging.message import Message
from tests.shared.messaging.amqp.amqp_values import anatomy
from tests.shared.messaging.amqp.codec.test_sections import MESSAGES

FULL = AmqpMessage(
    message_annotations={Symbol("x-opt-partition-key"): "p"},
    properties=Properties(message_id=UUID(int=1), correlation_id=ULong(7), user_id=b"u", to="t"),
    application_properties={"short": Short(3), "text": "x", "number": Float(nan)},
    data=(b"one", b"two"),
    footer={Symbol("f"): 1},
)
TEXTS = st.sampled_from([None, "", "text", "é"])


def changed(message: AmqpMessage, **members: Any) -> tuple[bytes, bytes]:
    """Return the payload before and after these members of the port's message changed."""
    payload = encode_message(message)
    before = message_of(payload)
    return payload, with_changes(payload, before, replace(before, **members))


def others(payload: bytes, *codes: Code) -> list[bytes]:
    """Return the bytes of all sections but these."""
    sections = find_sections(payload)
    return [payload[one.start : one.end] for one in sections if one.code not in codes]


def test_message_that_is_as_it_was_keeps_every_byte() -> None:
    payload, same = changed(FULL)

    assert same == payload


def test_new_system_properties_leave_the_types_of_the_others() -> None:
    payload, after = changed(FULL, to="Entity", session_id="s", content_type="text/é")

    properties = decode_message(after).properties
    assert repr(properties) == repr(
        replace(FULL.properties, to="Entity", group_id="s", content_type=Symbol(b"text/?", "ascii"))
    )
    assert others(after, Code.PROPERTIES) == others(payload, Code.PROPERTIES)


def test_new_application_properties_leave_the_types_of_the_others() -> None:
    members = {"short": 3, "number": nan, "new": 5, "TEXT": "y", "half\ud800": "\ud800"}

    payload, after = changed(FULL, application_properties=members)

    found = decode_message(after).application_properties
    assert repr(anatomy(dict(found))) == repr(
        anatomy({"short": Short(3), "number": nan, "new": Int(5), "TEXT": "y", "half?": "?"})
    )
    rest = others(payload, Code.APPLICATION_PROPERTIES)
    assert others(after, Code.APPLICATION_PROPERTIES) == rest


@pytest.mark.parametrize(("old", "new"), [(1, True), (True, 1), (1, 1.0), (0, False)])
def test_values_that_are_equal_to_python_alone_are_changes(old: Any, new: Any) -> None:
    message = AmqpMessage(application_properties={"p": old}, data=(b"x",))

    _, after = changed(message, application_properties={"p": new})

    value = message_of(after).application_properties["p"]
    assert (type(value), value) == (type(new), new)


def test_sections_come_and_go() -> None:
    bare = AmqpMessage(data=(b"x",), message_annotations={Symbol("a"): 1})
    payload, after = changed(bare, subject="s", application_properties={"p": "x"})

    back = with_changes(after, message_of(after), message_of(payload))

    assert [one.code for one in find_sections(after)] == [
        *(Code.MESSAGE_ANNOTATIONS, Code.PROPERTIES, Code.APPLICATION_PROPERTIES, Code.DATA)
    ]
    assert back == payload


@given(MESSAGES, st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS.values(), TEXTS)))
def test_what_is_written_is_read(message: AmqpMessage, members: dict[str, Any]) -> None:
    with suppress(MalformedFrameError):
        payload, after = changed(message, **members)

        wanted: Message = replace(message_of(payload), **members)
        if wanted.content_type == "é":
            wanted = replace(wanted, content_type="?")
        assert repr(message_of(after)) == repr(wanted)
