"""A message without an id is given one; what else it has stays as it was."""

from uuid import UUID

import pytest

from shared.messaging.amqp.codec.sections import (
    AmqpMessage,
    Properties,
    decode_message,
    encode_message,
)
from shared.messaging.amqp.nodes.arrivals import Arrivals, with_message_id
from tests.clocks import FakeClock

ARRIVALS = Arrivals(FakeClock(), lambda: "given")
DATA = encode_message(AmqpMessage(data=(b"x",)))


@pytest.mark.parametrize("message_id", ["theirs", UUID(int=1), b"octets"])
def test_message_with_an_id_keeps_it_and_every_byte(message_id: str | UUID | bytes) -> None:
    payload = encode_message(
        AmqpMessage(properties=Properties(message_id=message_id), data=(b"x",))
    )

    [envelope] = ARRIVALS.envelopes([payload])

    assert envelope.payload == payload
    assert envelope.message_id is not None


@pytest.mark.parametrize(
    "message",
    [
        AmqpMessage(data=(b"x",)),
        AmqpMessage(value=None),
        AmqpMessage(properties=Properties(subject="s", group_id="g"), data=(b"x",)),
        AmqpMessage(message_annotations={"a": 1}, application_properties={"p": 2}, data=(b"x",)),
        AmqpMessage(
            message_annotations={"a": 1},
            properties=Properties(subject="s"),
            application_properties={"p": 2},
            data=(b"x", b"y"),
        ),
    ],
)
def test_message_without_an_id_is_given_one_and_nothing_else(message: AmqpMessage) -> None:
    [envelope] = ARRIVALS.envelopes([encode_message(message)])

    decoded = decode_message(envelope.payload)
    assert (envelope.message_id, decoded.properties.message_id) == ("given", "given")
    for name in ("message_annotations", "application_properties", "data", "value"):
        assert getattr(decoded, name) == getattr(message, name)
    assert decoded.properties.subject == message.properties.subject
    assert envelope.session_id == decoded.properties.group_id == message.properties.group_id


def test_payload_without_a_section_gets_one() -> None:
    assert decode_message(with_message_id(b"", "m")).properties == Properties(message_id="m")


def test_delivery_annotations_are_put_where_they_belong() -> None:
    annotations = encode_message(AmqpMessage(delivery_annotations={"a": 1}, data=(b"x",)))[
        : -len(DATA)
    ]
    header, properties = b"\x00\x53\x70\x45", with_message_id(b"", "m")

    for parts in (
        [annotations, header, properties, DATA],
        [header, annotations, properties, DATA],
        [header, properties, annotations, DATA],
        [properties, DATA, annotations],
    ):
        [envelope] = ARRIVALS.envelopes([b"".join(parts)])

        assert envelope.payload == annotations + properties + DATA
