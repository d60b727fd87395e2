from datetime import UTC, datetime

import pytest

from shared.clock import to_microseconds
from shared.errors import MessageSizeExceededError, PermanentError
from shared.messaging.embedded.envelope import Envelope, Form
from shared.messaging.embedded.limits import MAX_MESSAGE_SIZE, check_envelope
from shared.messaging.embedded.namespace import Namespace, Target
from shared.messaging.entities import NamespaceDescription, QueueDescription
from shared.messaging.message import Message
from tests.shared.messaging.embedded.cores import letter, of_amqp

NAMES = Namespace(
    NamespaceDescription(
        name="n",
        queues=(QueueDescription(name="q"), QueueDescription(name="s", requires_session=True)),
    )
)
QUEUE, SESSIONS = NAMES.target("q"), NAMES.target("s")
YEAR_10000 = to_microseconds(datetime(9999, 12, 31, tzinfo=UTC)) + 24 * 3600 * 1_000_000


def check(envelope: Envelope, target: Target = QUEUE) -> None:
    check_envelope(envelope, target, MAX_MESSAGE_SIZE)


def test_message_has_so_many_bytes() -> None:
    check(Envelope(form=Form.PORT, payload=b"", size=262_144))

    with pytest.raises(MessageSizeExceededError, match="262145 bytes; at most 262144"):
        check(Envelope(form=Form.PORT, payload=b"", size=262_145))


@pytest.mark.parametrize("field", ["message_id", "session_id"])
def test_ids_have_so_many_characters(field: str) -> None:
    envelope = letter("a")
    setattr(envelope, field, "ü" * 128)
    check(envelope)

    setattr(envelope, field, "ü" * 129)
    with pytest.raises(PermanentError, match="129 characters"):
        check(envelope)


@pytest.mark.parametrize(
    ("session_id", "said"), [(None, "has no session id"), ("", "has an empty session id")]
)
def test_session_is_required_where_the_entity_says_so(session_id: str | None, said: str) -> None:
    check(letter("a", session_id=session_id))

    with pytest.raises(PermanentError, match=said) as refusal:
        check(letter("a", session_id=session_id), SESSIONS)

    assert refusal.value.code == "InvalidOperation"


def test_last_instant_is_one_that_can_be_told() -> None:
    envelope = letter("a")
    envelope.due = YEAR_10000 - 1
    check(envelope)

    envelope.due = YEAR_10000
    with pytest.raises(PermanentError, match="9999"):
        check(envelope)


def test_properties_that_came_over_amqp_are_measured() -> None:
    check(of_amqp(Message(body=bytes(200_000), application_properties={"a": "x" * 32_000})))

    with pytest.raises(MessageSizeExceededError, match="32768"):
        check(of_amqp(Message(body=b"", application_properties={"a": "x" * 33_000})))


def test_properties_that_are_none_are_not() -> None:
    content = (2).to_bytes(4) + b"\xff" * 40_000
    section = b"\x00\x53\x74\xd1" + len(content).to_bytes(4) + content

    check(Envelope(form=Form.AMQP, payload=section, size=len(section)))
