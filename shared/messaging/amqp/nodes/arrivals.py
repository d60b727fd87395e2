"""What becomes of a message on its way in."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from shared.clock import Clock, to_microseconds
from shared.messaging.amqp.codec.envelopes import envelope_of
from shared.messaging.amqp.codec.sections import (
    Code,
    Properties,
    find_sections,
    read_properties,
    write_properties,
)
from shared.messaging.embedded.envelope import Envelope


class Arrivals:
    """Makes envelopes of what was sent, and gives a message without an id one, as Service Bus does.

    Receivers count on it: the JavaScript SDK settles no message that has none.
    """

    def __init__(self, clock: Clock, new_id: Callable[[], str]) -> None:
        self._clock = clock
        self._new_id = new_id

    def envelopes(self, payloads: Iterable[bytes]) -> list[Envelope]:
        """Raises MalformedFrameError."""
        now = to_microseconds(self._clock.now())
        envelopes = [envelope_of(payload, now=now) for payload in payloads]
        for envelope in envelopes:
            if envelope.message_id is None:
                envelope.message_id = self._new_id()
                envelope.payload = with_message_id(envelope.payload, envelope.message_id)
        return envelopes


def with_message_id(payload: bytes, message_id: str) -> bytes:
    """Return the payload with this message id among its properties."""
    start = end = len(payload)
    properties = Properties()
    for section in find_sections(payload):
        if section.code >= Code.PROPERTIES:
            start = end = section.start
            if section.code == Code.PROPERTIES:
                properties, end = read_properties(payload, section), section.end
            break
    written = write_properties(replace(properties, message_id=message_id))
    return payload[:start] + written + payload[end:]
