"""Looking after the dead letters of an entity of any broker: what there is, masked; moving back; removing.

A body is somebody else's and may hold a secret anywhere, so nothing of it is told but what a wake-up or an event of
ours is made of.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from shared.connector.rejection import MASK, masked
from shared.errors import InvalidRequestError
from shared.messaging.broker import Broker
from shared.messaging.message import PropertyValue, StoredMessage
from shared.messaging.redrive import Choice, purge, redrive
from shared.messaging.wake_up import WakeUp
from shared.wire.json_types import Json, JsonObject, parse_json
from shared.wire.model import WireModel
from shared.wire.times import format_instant, parse_instant

QUEUE = "$DeadLetterQueue"
PAGE = 100
MOST_COUNTED = 10_000
MOST_REASONS = 10
NO_REASON = "(none)"
OTHER_REASONS = "(others)"
MOST_CHOSEN = 500
SHOWN_PROPERTIES = frozenset({"DeadLetterReason", "DeadLetterErrorDescription", "SourceQueue"})
"""Of messages that the connector rejected, where it has masked them itself."""
SHOWN_OF_EVENTS = frozenset({"specversion", "id", "type", "source", "subject", "time"})

Number = Annotated[int, Field(ge=0, lt=2**63)]


class ChosenLetters(WireModel):
    """Which letters a request means: those of these numbers, or up to `limit` enqueued before an instant."""

    sequence_numbers: tuple[Number, ...] | None = Field(
        default=None, min_length=1, max_length=MOST_CHOSEN
    )
    before: str | None = None
    limit: int = Field(default=PAGE, ge=1, le=MOST_CHOSEN)

    @model_validator(mode="after")
    def _check(self) -> "ChosenLetters":
        if (self.sequence_numbers is None) == (self.before is None):
            raise PydanticCustomError("one", "must have either sequenceNumbers or before")
        if self.before is not None:
            try:
                parse_instant(self.before)
            except ValueError as error:
                raise PydanticCustomError(
                    "before", "before {reason}", {"reason": str(error)}
                ) from None
        return self

    @property
    def choice(self) -> Choice:
        """What this means to a broker."""
        numbers = None if self.sequence_numbers is None else frozenset(self.sequence_numbers)
        before = None if self.before is None else parse_instant(self.before)
        return Choice(sequence_numbers=numbers, before=before)

    @property
    def most(self) -> int:
        """How many letters at most."""
        return self.limit if self.sequence_numbers is None else len(self.sequence_numbers)


class DeadLetters:
    """The dead letters of every queue and subscription of a broker; `entity` is the path without its last part."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def summary(self, entity: str) -> JsonObject:
        """Count them, up to 10,000, by their reasons."""
        reasons = Counter[str]()
        oldest: datetime | None = None
        count = first = 0
        while count < MOST_COUNTED:
            page = await self._peek(entity, first, PAGE)
            for letter in page:
                reasons[letter.dead_letter_reason or NO_REASON] += 1
                oldest = min(oldest or letter.enqueued_time, letter.enqueued_time)
            count += len(page)
            if not page:
                break
            first = page[-1].sequence_number + 1
        shown: JsonObject = dict(reasons.most_common(MOST_REASONS))
        others = count - sum(number for _, number in reasons.most_common(MOST_REASONS))
        return {
            "entity": entity,
            "count": count,
            "isComplete": count < MOST_COUNTED,
            "oldestTime": None if oldest is None else format_instant(oldest),
            "reasons": shown | ({OTHER_REASONS: others} if others else {}),
        }

    async def page(self, entity: str, *, first: int, limit: int) -> list[JsonObject]:
        """Return letters from a sequence number on, masked."""
        return [letter_document(each) for each in await self._peek(entity, first, limit)]

    async def redrive(self, entity: str, chosen: ChosenLetters) -> list[int]:
        """Move letters back; returns their numbers."""
        return await redrive(self._broker, entity, limit=chosen.most, choice=chosen.choice)

    async def purge(self, entity: str, chosen: ChosenLetters) -> list[int]:
        """Remove letters for good; returns their numbers."""
        return await purge(self._broker, entity, limit=chosen.most, choice=chosen.choice)

    async def _peek(self, entity: str, first: int, limit: int) -> list[StoredMessage]:
        return await self._broker.peek(
            f"{entity}/{QUEUE}", from_sequence_number=first, max_messages=limit
        )


def letter_document(letter: StoredMessage) -> JsonObject:
    """Return everything about a letter that may be shown."""
    message = letter.message
    document: Mapping[str, Json] = {
        "sequenceNumber": letter.sequence_number,
        "messageId": message.message_id,
        "sessionId": message.session_id,
        "correlationId": message.correlation_id,
        "contentType": message.content_type,
        "enqueuedTime": format_instant(letter.enqueued_time),
        "deliveryCount": letter.delivery_count,
        "deadLetterReason": letter.dead_letter_reason,
        "deadLetterErrorDescription": letter.dead_letter_error_description,
        "applicationProperties": {
            name: shown_property(name, value)
            for name, value in message.application_properties.items()
        },
        "bodyBytes": len(message.body),
        "body": shown_body(message.body),
    }
    return {name: value for name, value in document.items() if value is not None}


def shown_property(name: str, value: PropertyValue) -> Json:
    if value is None or isinstance(value, bool | int):
        return value
    # JSON has no infinite number.
    return str(value) if name in SHOWN_PROPERTIES or isinstance(value, float) else MASK


def shown_body(body: bytes) -> Json:
    """Return a body masked, as far as it is not known to be harmless."""
    try:
        wake_up = WakeUp.decode(body)
        if wake_up.encode() == body:
            return {"id": wake_up.id, "attempt": wake_up.attempt}
    except InvalidRequestError:
        pass
    shown = parse_json(masked(body))
    try:
        document = parse_json(body)
    except InvalidRequestError:
        return shown
    return with_event_members(shown, document)


def with_event_members(shown: Any, document: Any) -> Json:
    """Return a masked event, or array of events, with what says which one it is."""
    if isinstance(shown, list) and isinstance(document, list) and len(shown) == len(document):
        return [with_event_members(one, other) for one, other in zip(shown, document, strict=True)]
    if isinstance(shown, dict) and isinstance(document, dict) and "specversion" in shown:
        known = {name: document[name] for name in SHOWN_OF_EVENTS & shown.keys()}
        return shown | {name: one for name, one in known.items() if isinstance(one, str)}
    result: Json = shown
    return result
