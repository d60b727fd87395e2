"""Requests are read with the types they have, and answers find back to them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from shared.errors import InvalidRequestError
from shared.messaging.amqp.codec.sections import (
    AmqpMessage,
    Properties,
    decode_message,
    encode_message,
)
from shared.messaging.amqp.codec.values import Array, Int, Timestamp, ULong
from shared.messaging.amqp.nodes.requests import (
    Arguments,
    Request,
    application_properties,
    read_request,
    write_answer,
)

ID = UUID(int=7)


def test_request_is_read_from_its_sections() -> None:
    payload = encode_message(
        AmqpMessage(
            properties=Properties(message_id=ID, reply_to="here"),
            application_properties={"operation": "put-token"},
            value="secret",
        )
    )

    request = read_request(payload)

    assert (request.message_id, request.reply_to, request.body) == (ID, "here", "secret")
    assert request.operation == "put-token"
    assert "secret" not in repr(request)


@pytest.mark.parametrize("message_id", [ID, "text", ULong(3), b"octets", None])
def test_answer_names_the_request_with_the_type_of_its_id(message_id: Any) -> None:
    answer = write_answer(Request(message_id, None, {}, None), {"statusCode": Int(200)}, {"a": 1})

    message = decode_message(answer)
    assert message.properties.correlation_id == message_id
    assert type(message.properties.correlation_id) is type(message_id)
    assert (message.application_properties, message.value) == ({"statusCode": 200}, {"a": 1})


def test_arguments_have_the_types_that_are_asked_for() -> None:
    arguments = Arguments(
        {"t": "x", "n": 3, "ns": Array(int, (1, 2)), "b": b"o", "m": {"k": "v"}, "ms": [{"k": "v"}]}
    )

    assert (arguments.text("t"), arguments.optional_text("none")) == ("x", None)
    assert (arguments.integer("n"), arguments.integers("ns")) == (3, [1, 2])
    assert (arguments.binary("b"), arguments.optional_binary("none")) == (b"o", None)
    assert arguments.optional_map("m") == Arguments({"k": "v"})
    assert arguments.optional_map("none") is None
    assert arguments.maps("ms") == [Arguments({"k": "v"})]
    assert Arguments({"lock-tokens": Array(UUID, (ID,))}).lock_tokens() == [ID]


@pytest.mark.parametrize(
    ("call", "value"),
    [
        (lambda arguments: arguments.text("a"), None),
        (lambda arguments: arguments.text("a"), 1),
        (lambda arguments: arguments.integer("a"), True),
        (lambda arguments: arguments.integer("a"), None),
        (lambda arguments: arguments.integers("a"), "12"),
        (lambda arguments: arguments.integers("a"), [1, "2"]),
        (lambda arguments: arguments.binary("a"), None),
        (lambda arguments: arguments.optional_binary("a"), "text"),
        (lambda arguments: arguments.optional_map("a"), [1]),
        (lambda arguments: arguments.maps("a"), [1]),
        (lambda arguments: arguments.maps("a"), {}),
    ],
)
def test_argument_of_another_type_is_refused_by_its_name(call: Any, value: Any) -> None:
    with pytest.raises(InvalidRequestError, match="^a: must be"):
        call(Arguments({"a": value}))


def test_lock_tokens_are_uuids() -> None:
    with pytest.raises(InvalidRequestError, match="lock-tokens"):
        Arguments({"lock-tokens": [b"1234567890123456"]}).lock_tokens()


def test_request_without_a_map_has_no_arguments() -> None:
    with pytest.raises(InvalidRequestError, match="body"):
        _ = Request(None, None, {}, "text").arguments


def test_properties_keep_the_types_that_they_were_sent_with_but_instants_are_those_of_the_port() -> (
    None
):
    instant = Timestamp(1_704_153_600_000)

    properties = application_properties("p", {"at": instant, "far": Timestamp(2**62), "n": Int(1)})

    assert properties == {"at": datetime(2024, 1, 2, tzinfo=UTC), "far": 2**62, "n": 1}
    assert type(properties["n"]) is Int


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, -(2**63) - 1])
def test_numbers_that_no_message_can_have_are_refused(number: int) -> None:
    with pytest.raises(InvalidRequestError, match="beyond 64 bits"):
        Arguments({"numbers": [1, number]}).integers("numbers")


def test_counts_are_of_32_bits_and_not_below_0() -> None:
    arguments = Arguments({"most": 2**31 - 1, "less": -1, "more": 2**31})

    assert (arguments.count("most"), arguments.count("less")) == (2**31 - 1, 0)
    with pytest.raises(InvalidRequestError, match="beyond 32 bits"):
        arguments.count("more")
