from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import MessageSizeExceededError
from shared.messaging.embedded.encoding import (
    MAX_PROPERTIES,
    MAX_PROPERTY,
    encode,
    message_of,
    with_properties,
)
from shared.messaging.embedded.envelope import Form, lock_token, read_token
from shared.messaging.message import Message, PropertyValue

TEXT = st.none() | st.text(max_size=20)
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.binary(max_size=20)
    | st.datetimes(timezones=st.just(UTC))
    | st.uuids()
)
MESSAGES = st.builds(
    Message,
    body=st.binary(max_size=100),
    message_id=TEXT,
    correlation_id=TEXT,
    session_id=TEXT,
    subject=TEXT,
    content_type=TEXT,
    reply_to=TEXT,
    reply_to_session_id=TEXT,
    to=TEXT,
    partition_key=TEXT,
    time_to_live=st.none() | st.timedeltas(min_value=timedelta(0)),
    scheduled_enqueue_time=st.none() | st.datetimes(timezones=st.just(UTC)),
    application_properties=st.dictionaries(st.text(max_size=10), VALUES, max_size=4),
)


@given(MESSAGES)
def test_stored_message_is_the_one_that_was_sent(message: Message) -> None:
    assert message_of(encode(message)) == message


def test_types_of_properties_are_kept() -> None:
    properties: dict[str, PropertyValue] = {
        "one": 1,
        "true": True,
        "float": 1.0,
        "bytes": b"1",
        "text": "1",
    }

    kept = message_of(encode(Message(body=b"", application_properties=properties)))

    assert {name: type(value) for name, value in kept.application_properties.items()} == {
        name: type(value) for name, value in properties.items()
    }


def test_message_with_only_body_and_id_has_no_attributes() -> None:
    assert encode(Message(body=b"a", message_id="m")).attributes is None


def test_everything_counts_towards_the_size() -> None:
    assert encode(Message(body=b"abc")).size == 3
    assert encode(Message(body=b"abc", message_id="ü")).size == 5
    assert encode(Message(body=b"", subject="s")).size == len('{"subject":"s"}')


def test_properties_have_limits_alone_and_together() -> None:
    most = "x" * (MAX_PROPERTY - 10)
    encode(Message(body=b"", application_properties={"a": most}))

    for properties, limit in (
        ({"a": most + "x" * 10}, MAX_PROPERTY),
        ({"a": most, "b": most, "c": "x" * 100}, MAX_PROPERTIES),
    ):
        with pytest.raises(MessageSizeExceededError, match=str(limit)):
            encode(Message(body=b"", application_properties=properties))


def test_added_properties_leave_the_rest() -> None:
    due = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=1)
    message = Message(
        body=b"", subject="s", scheduled_enqueue_time=due, application_properties={"a": b"1"}
    )

    body, changed = with_properties(Form.PORT, b"a", encode(message).attributes, {"b": 2})

    assert body == b"a"
    assert changed is not None
    assert changed.startswith('{"subject":"s","scheduled_enqueue_time":')
    assert '"application_properties":{"a":{"base64":"MQ=="},"b":2}' in changed


@given(st.integers(1, 2**63 - 1), st.integers(1, 2**32 - 1))
def test_token_says_which_delivery_it_is_for(number: int, count: int) -> None:
    assert read_token(lock_token(number, count)) == (number, count)


@given(st.uuids())
def test_any_token_can_be_read_and_fits_the_database(token: UUID) -> None:
    number, count = read_token(token)

    assert 0 <= number < 2**63
    assert 0 <= count < 2**32
