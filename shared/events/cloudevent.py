"""CloudEvents 1.0, structured JSON mode: one value type, one strict reader, one writer.

The `cloudevents` package is not right enough in either direction: it makes up a missing `id` and `time`, takes times
that are not RFC 3339, fails on `"subject": null`, which the specification allows, and writes NaN. The tests hold both
against each other where it is right.
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from shared.errors import Fault, InvalidRequestError

CONTENT_TYPE = "application/cloudevents+json"
ExtensionValue = str | int | bool
NO_EXTENSIONS: Mapping[str, ExtensionValue] = MappingProxyType({})

# Attributes of type String may not hold control characters, lone surrogates or noncharacters (spec, "Type System").
FORBIDDEN_CHARACTER = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
# Possessive: in one pass, and without backtracking over what cannot match.
URI_REFERENCE = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]++|%[0-9A-Fa-f]{2})++")
ABSOLUTE_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:.+")
RFC3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d+))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
MEDIA_TYPE = re.compile(
    rf'{TOKEN}/{TOKEN}(?:\s*;\s*{TOKEN}=(?:{TOKEN}|"(?:[^"\\]|\\.)*"))*', re.ASCII
)
JSON_MEDIA_TYPE = re.compile(r"[^/;]+/(?:[^/;]+\+)?json\s*(?:;.*)?", re.IGNORECASE)
EXTENSION_NAME = re.compile(r"[a-z0-9]+")
INT32 = range(-(2**31), 2**31)
KNOWN = frozenset(
    ("specversion", "id", "source", "type", "subject", "time", "dataschema", "datacontenttype")
) | {"data", "data_base64"}
JSON_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudEvent:
    """A fact; `data` is JSON (or text under another `datacontenttype`), bytes travel as base64."""

    id: str
    source: str
    type: str
    subject: str | None = None
    time: datetime | None = None
    data: Any = None
    dataschema: str | None = None
    datacontenttype: str | None = None
    extensions: Mapping[str, ExtensionValue] = field(default_factory=lambda: NO_EXTENSIONS)

    def encode(self) -> bytes:
        """Return the event as one JSON object.

        Raises:
            InvalidRequestError: it breaks the specification, or its data is no JSON; every fault is named.
        """
        attributes = {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "dataschema": self.dataschema,
            "datacontenttype": self.datacontenttype,
        }
        faults = attribute_faults(attributes, self.extensions)
        if self.time is not None and self.time.tzinfo is None:
            faults.append(Fault("$.time", "must have a zone"))
        if not KNOWN.isdisjoint(self.extensions):
            faults.append(Fault("$", "an extension has the name of an attribute"))
        faults += data_faults(self.data, self.datacontenttype)
        if faults:
            raise InvalidRequestError(faults)
        given = {name: value for name, value in attributes.items() if value is not None}
        if self.time is not None:
            given["time"] = format_time(self.time)
        return write({**given, **self.extensions, **data_member(self.data)})

    @classmethod
    def decode(cls, body: bytes) -> "CloudEvent":
        """Return the event in `body`.

        Raises:
            InvalidRequestError: every way in which it breaks the specification, with its JSON path.
        """
        return event_of(load_json(body))


def event_of(document: Any) -> CloudEvent:
    """Return the event that a JSON document is.

    Raises:
        InvalidRequestError: every way in which it breaks the specification, with its JSON path.
    """
    if not isinstance(document, dict):
        raise InvalidRequestError([Fault("$", "must be an object")])
    members = {name: value for name, value in document.items() if value is not None}
    extensions = {name: value for name, value in members.items() if name not in KNOWN}
    faults = attribute_faults(members, extensions)
    time = time_of(members, faults)
    data = data_of(members, faults)
    faults += data_faults(data, members.get("datacontenttype"))
    if faults:
        raise InvalidRequestError(faults)
    return CloudEvent(
        id=members["id"],
        source=members["source"],
        type=members["type"],
        subject=members.get("subject"),
        time=time,
        data=data,
        dataschema=members.get("dataschema"),
        datacontenttype=members.get("datacontenttype"),
        extensions=extensions,
    )


def time_of(members: Mapping[str, Any], faults: list[Fault]) -> datetime | None:
    """Return the attribute `time`, and add to `faults` what is wrong with it."""
    text = members.get("time")
    time = parse_time(text) if isinstance(text, str) else None
    if text is not None and time is None:
        faults.append(Fault("$.time", "must be a time of RFC 3339 that exists"))
    return time


def data_of(members: Mapping[str, Any], faults: list[Fault]) -> Any:
    """Return the data in whichever form it is, and add to `faults` what is wrong with it."""
    encoded = members.get("data_base64")
    if encoded is None:
        return members.get("data")
    if "data" in members:
        faults.append(Fault("$.data_base64", "must not stand beside data"))
    if not isinstance(encoded, str):
        faults.append(Fault("$.data_base64", "must be a string"))
        return None
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        faults.append(Fault("$.data_base64", "is not base64"))
        return None


def write(document: Any) -> bytes:
    try:
        return JSON_ENCODER.encode(document).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequestError([Fault("$.data", f"is not JSON: {error}")]) from error


def data_member(data: Any) -> dict[str, Any]:
    if isinstance(data, bytes):
        return {"data_base64": base64.b64encode(data).decode()}
    return {} if data is None else {"data": data}


def format_time(time: datetime) -> str:
    """Return an aware time as RFC 3339 in UTC."""
    return f"{time.astimezone(UTC).isoformat().removesuffix('+00:00')}Z"


def data_faults(data: Any, media_type: Any) -> list[Fault]:
    """Return a fault for data that its media type does not allow; absent means JSON (json-format 3.1)."""
    if isinstance(data, str | bytes | None) or not isinstance(media_type, str):
        return []
    if JSON_MEDIA_TYPE.fullmatch(media_type) is not None:
        return []
    return [Fault("$.data", "must be text or bytes: datacontenttype is not JSON")]


def load_json(body: bytes) -> Any:
    """Return what the JSON in `body` says.

    Raises:
        InvalidRequestError: it is no JSON, or a member stands there twice.
    """
    try:
        return json.loads(
            body.decode(), object_pairs_hook=unique_members, parse_constant=refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError([Fault("$", f"is not JSON: {error}")]) from error


def unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands there twice")
    return members


def refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")


def attribute_faults(members: Mapping[str, Any], extensions: Mapping[str, Any]) -> list[Fault]:
    """Return everything wrong with the context attributes but for `time`; absent and null are the same."""
    faults = [
        Fault(f"$.{name}", "is required")
        for name in ("specversion", "id", "source", "type")
        if members.get(name) is None
    ]
    for name, (pattern, expected) in PATTERNS.items():
        value = members.get(name)
        if value is None:
            continue
        if not isinstance(value, str) or not value or not is_text(value):
            faults.append(Fault(f"$.{name}", "must be text, not empty, no control characters"))
        elif pattern is not None and pattern.fullmatch(value) is None:
            faults.append(Fault(f"$.{name}", f"must be {expected}"))
    for name, value in extensions.items():
        if EXTENSION_NAME.fullmatch(name) is None:
            faults.append(Fault(f"$.{name}", "extension names are of a-z and 0-9"))
        elif not is_extension_value(value):
            faults.append(Fault(f"$.{name}", "must be a boolean, a 32-bit integer or text"))
    return faults


PATTERNS: Mapping[str, tuple[re.Pattern[str] | None, str]] = {
    "specversion": (re.compile(r"1\.0"), "'1.0'"),
    "id": (None, ""),
    "source": (URI_REFERENCE, "a URI reference"),
    "type": (None, ""),
    "subject": (None, ""),
    "dataschema": (ABSOLUTE_URI, "an absolute URI"),
    "datacontenttype": (MEDIA_TYPE, "a media type"),
}


def is_extension_value(value: Any) -> bool:
    if isinstance(value, bool):
        return True
    if isinstance(value, int):
        return value in INT32
    return isinstance(value, str) and is_text(value)


def is_text(value: str) -> bool:
    """Whether the type String allows every character; what is nearly always given is found out without a search."""
    return value.isascii() and value.isprintable() or FORBIDDEN_CHARACTER.search(value) is None


def parse_time(text: str) -> datetime | None:
    """Return the instant in UTC; digits beyond microseconds are dropped; None when there is no such instant."""
    match = RFC3339.fullmatch(text)
    if match is None:
        return None
    date, time, fraction, offset = match.groups()
    micro = ((fraction or "") + "000000")[:6]
    try:
        return datetime.fromisoformat(f"{date}T{time}.{micro}{offset.upper()}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
