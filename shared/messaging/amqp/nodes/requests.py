"""Requests to a node and its answers: one message each, which belong together by the request's message id.

(Facts §1, "$cbs" and "$management"; AMQP 1.0 part 3, 3.2 for the sections.) What a request lacks or has too much of
is told as an InvalidRequestError with the name of the value.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from shared.errors import Fault, InvalidRequestError, MalformedFrameError, TocsinError
from shared.messaging.amqp.codec.property_values import plain
from shared.messaging.amqp.codec.sections import (
    AmqpMessage,
    Code,
    MessageId,
    Properties,
    decode_message,
    encode_message,
    find_sections,
    read_properties,
)
from shared.messaging.amqp.codec.values import Timestamp
from shared.messaging.message import PropertyValue


@dataclass(frozen=True, slots=True)
class Request:
    """`body` is the value that was sent; it may be a token, so it is never shown."""

    message_id: MessageId | None
    reply_to: str | None
    properties: Mapping[Any, Any]
    body: Any = field(repr=False)
    fault: TocsinError | None = None
    """Why there is no body."""

    def check(self) -> None:
        """Raises the fault."""
        if self.fault is not None:
            raise self.fault

    @property
    def operation(self) -> str:
        return str(self.properties.get("operation", ""))

    @property
    def arguments(self) -> "Arguments":
        """The values of a body that is a map."""
        if not isinstance(self.body, dict):
            raise _invalid("body", "must be a map")
        return Arguments(self.body)


@dataclass(frozen=True, slots=True)
class Arguments:
    """The values that an operation is called with, by their names."""

    values: Mapping[Any, Any]

    def text(self, name: str) -> str:
        text = self.optional_text(name)
        if text is None:
            raise _invalid(name, "must be a string")
        return text

    def optional_text(self, name: str) -> str | None:
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise _invalid(name, "must be a string")
        return value

    def integer(self, name: str) -> int:
        return _integer(name, self.values.get(name))

    def ordinal(self, name: str) -> int:
        """Return a whole number that is not negative; no larger one than a sequence number can be."""
        value = self.integer(name)
        if not 0 <= value < 2**63:
            raise _invalid(name, f"is {value}, which is below 0 or beyond 64 bits")
        return value

    def count(self, name: str) -> int:
        """Return a whole number of 32 bits; one below 0 is 0."""
        value = self.integer(name)
        if value >= 2**31:
            raise _invalid(name, f"is {value}, which is beyond 32 bits")
        return max(value, 0)

    def integers(self, name: str) -> list[int]:
        return [_integer(name, value) for value in self._several(name)]

    def lock_tokens(self) -> list[UUID]:
        tokens = self._several("lock-tokens")
        if not all(isinstance(token, UUID) for token in tokens):
            raise _invalid("lock-tokens", "must be uuids")
        return list(tokens)

    def maps(self, name: str) -> "list[Arguments]":
        maps = self._several(name)
        if not all(isinstance(value, dict) for value in maps):
            raise _invalid(name, "must be maps")
        return [Arguments(value) for value in maps]

    def binary(self, name: str) -> bytes:
        value = self.optional_binary(name)
        if value is None:
            raise _invalid(name, "must be binary")
        return value

    def optional_binary(self, name: str) -> bytes | None:
        value = self.values.get(name)
        if value is not None and not isinstance(value, bytes):
            raise _invalid(name, "must be binary")
        return value

    def optional_map(self, name: str) -> "Arguments | None":
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise _invalid(name, "must be a map")
        return Arguments(value)

    def _several(self, name: str) -> Sequence[Any]:
        value = self.values.get(name)
        if value is None or isinstance(value, str | bytes | dict) or not hasattr(value, "__iter__"):
            raise _invalid(name, "must be an array or a list")
        return tuple(value)


def _integer(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _invalid(name, "must be a whole number")
    if not -(2**63) <= value < 2**63:
        raise _invalid(name, f"is {value}, which is beyond 64 bits")
    return int(value)


def _invalid(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError([Fault(name, message)])


def application_properties(name: str, values: Mapping[Any, Any]) -> dict[str, PropertyValue]:
    """Return the values as they can be properties of a message, an instant as what the port has for it.

    Raises InvalidRequestError for any that cannot.
    """
    faults = [
        Fault(f"{name}.{key}", "must be a plain value under a name")
        for key, value in values.items()
        if not isinstance(key, str) or not isinstance(value, PropertyValue)
    ]
    if faults:
        raise InvalidRequestError(faults)
    return {
        str(key): plain(value) if isinstance(value, Timestamp) else value
        for key, value in values.items()
    }


def read_request(payload: bytes) -> Request:
    """Read a message's sections. Raises MalformedFrameError."""
    message = decode_message(payload)
    properties = message.properties
    return Request(
        properties.message_id, properties.reply_to, message.application_properties, message.value
    )


def read_beginning(payload: bytes, fault: TocsinError) -> Request:
    """Read as much of a message as says where to answer that it has this fault."""
    properties = Properties()
    with suppress(MalformedFrameError):
        for section in find_sections(payload):
            if section.code == Code.PROPERTIES:
                properties = read_properties(payload, section)
    return Request(properties.message_id, properties.reply_to, {}, None, fault)


def write_answer(request: Request, properties: Mapping[str, Any], body: Any) -> bytes:
    """Return the sections of the answer to a request; its id keeps its type (facts §1, "$cbs")."""
    return encode_message(
        AmqpMessage(
            properties=Properties(correlation_id=request.message_id),
            application_properties=properties,
            value=body,
        )
    )
