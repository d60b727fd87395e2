"""Binary mode: the attributes of an event beside its data, as the bindings to HTTP and AMQP have them; pure.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md#31-binary-content-mode
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/amqp-protocol-binding.md#31-binary-content-mode
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from pydantic_core import to_json

from shared.events.cloudevent import JSON_MEDIA_TYPE, ExtensionValue
from shared.wire.json_types import Json, parse_json

JSON = "application/json"
NO_ATTRIBUTES = frozenset({"data", "data_base64", "datacontenttype"})
AMQP_PREFIX = "cloudEvents:"
# Of HTTP, 3.1.3.2: what is not printable ASCII, the space, the double quote and the percent sign.
NOT_IN_HEADER = re.compile(r'[^\x21-\x7e]|["%]')


@dataclass(frozen=True, slots=True)
class BinaryEvent:
    """An event taken apart; without data there is neither a body nor a content type."""

    attributes: Mapping[str, ExtensionValue]
    content_type: str | None
    body: bytes

    @property
    def http_headers(self) -> dict[str, str]:
        """Its headers, the names in lower case."""
        headers = {f"ce-{name}": header_value(value) for name, value in self.attributes.items()}
        return headers | ({"content-type": self.content_type} if self.content_type else {})

    @property
    def amqp_properties(self) -> dict[str, ExtensionValue]:
        """Its application properties."""
        return {f"{AMQP_PREFIX}{name}": value for name, value in self.attributes.items()}


def binary_event(structured: bytes) -> BinaryEvent:
    """Take apart an event as the log holds it."""
    members = parse_json(structured)
    assert isinstance(members, dict), "events are objects"
    attributes: dict[str, ExtensionValue] = {
        name: value
        for name, value in members.items()
        if name not in NO_ATTRIBUTES and isinstance(value, str | int | bool)
    }
    media_type = members.get("datacontenttype")
    given = str(media_type) if media_type is not None else None
    if isinstance(encoded := members.get("data_base64"), str):
        return BinaryEvent(attributes, given, base64.b64decode(encoded))
    if (data := members.get("data")) is None:
        return BinaryEvent(attributes, given, b"")
    content_type = given or JSON
    return BinaryEvent(attributes, content_type, body_of(data, content_type))


def body_of(data: Json, content_type: str) -> bytes:
    """Return data as its media type has it: what is no JSON is text, written without quotes."""
    if isinstance(data, str) and JSON_MEDIA_TYPE.fullmatch(content_type) is None:
        return data.encode()
    return to_json(data)


def header_value(value: ExtensionValue) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return NOT_IN_HEADER.sub(lambda found: quote(found[0], safe=""), text)
