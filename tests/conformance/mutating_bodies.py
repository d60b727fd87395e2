"""Bodies made wrong at random, knowing JSON and XML, or not knowing either."""

import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from random import Random
from typing import Any, TypeAlias

SECRET = "planted-7cD9xQ"
SECRET_MEMBERS = ("password", "secret", "sastoken", "saskey")
FREE_FORM = ("headers", "custommessageproperties", "tags")
LONGEST = 500_000
Change: TypeAlias = Callable[[bytes, Random], bytes]
Holder: TypeAlias = dict[str, Any] | list[Any]

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 5, 7, 13, 60, 10**6, 2**31, 2**63, 10**400, 0.5, 1e308, "", " ", "x", "X" * 9000,
    "\x00", "\ud7ff", "\ufffe", "é", "💩", "null", "true", "enabled", "Disabled", "completed", "faulted", "Unknown",
    "http", "HTTPS", "storageQueue", "serviceBusTopic", "ServiceBusQueue", "Basic", "ClientCertificate",
    "ActiveDirectoryOAuth", "none", "fixed", "minute", "Hour", "Day", "week", "Month", "year", "second",
    "monday", "Free", "Standard", "P20Premium", "free", "1999-01-01T00:00:00Z", "2026-01-02T00:00:00Z",
    "2026-01-02T00:00:00+02:00", "2099-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.9999999Z",
    "2026-02-30T00:00:00Z", "2026-01-01", "00:00:01", "00:01:00", "PT1M", "P900D", "PT", "-PT1M", "1.00:00:00",
    "24:00:00", "http://e.org/", "http://", "ftp://e.org/", "http://u:p@e.org/", "//e.org", "http://e.org:99999/",
    "http://[::1/", "http://e.org/ a", "http://e.org/\n", "GET", "G E T", "https://e.org/" + "p" * 3000,
    [], {}, [[]], [1], ["x"], {"a": 1}, [0, 59, 60], [-1, 31, 32], ["sunday", "SUNDAY"],
    [{"day": "friday", "occurrence": 1}], [{"day": "friday", "Occurrence": -6}], [{"occurrence": 0}],
    {"type": "http", "request": {"uri": "http://e.org/", "method": "GET"}}, {"k": "v" * 5000},
    {f"h{number}": "v" for number in range(60)}, {"a b": "v"}, {"a": "v\r\nx: y"}, {"": ""},
    {"retryType": "fixed", "retryInterval": "00:00:20", "retryCount": 3}, {"frequency": "month", "interval": 19},
    {"frequency": "minute", "interval": 1}, {"frequency": "week", "schedule": {"monthDays": [1]}},
    {"frequency": "month", "schedule": {"monthDays": [31]}}, {"frequency": "day", "endTime": "2001-01-01T00:00:00Z"},
    {"minutes": [0], "hours": [5]}, {"weekDays": ["monday"], "monthDays": [1]},
    {"monthDays": [1], "monthlyOccurrences": [{"day": "friday"}]},
    {"monthlyOccurrences": [{"day": "friday", "occurrence": 6}]},
    {"type": "Basic", "username": "u", "password": SECRET}, {"type": "ClientCertificate", "pfx": SECRET},
    {"type": "Basic", "username": "u:v", "password": SECRET}, {"type": "sharedAccessKey", "sasKey": SECRET},
    {"type": "ActiveDirectoryOAuth", "tenant": "..", "audience": "", "clientId": "c", "secret": SECRET},
)  # fmt: skip
# Members that a body may lack: a mutation adds them where they are allowed and where they are not.
ADDED = (
    "id", "startTime", "action", "recurrence", "state", "stateDetails", "status", "request", "queueMessage",
    "serviceBusQueueMessage", "serviceBusTopicMessage", "type", "retryPolicy", "errorAction", "uri", "method",
    "headers", "body", "authentication", "retryType", "retryInterval", "retryCount", "frequency", "interval", "count",
    "endTime", "schedule", "minutes", "hours", "weekDays", "monthDays", "monthlyOccurrences", "months", "tags",
    "location", "properties", "sku", "quota", "maxJobCount", "maxRecurrence", "namespace", "transportType",
    "timeToLive", "unknown",
)  # fmt: skip
XML_TEXTS = (
    "", " ", "x", "0", "-1", "5", "99999999999999999999", "Free", "Premium", "Gold", "West Europe", "Mars", "Minute",
    "Year", "true", "&lt;", "&#0;", "&#x1F4A9;", "&amp;amp;", "]]>", "<![CDATA[x]]>", "&unknown;", "é", "L" * 2000,
    "bm90IGJhc2U2NA==", "////", "<Plan>Free</Plan>", "1.1",
)  # fmt: skip
XML_PROLOGUES = (
    '<?xml version="1.0" encoding="utf-16"?>', '<?xml version="1.1"?>', '<?xml version="1.0" encoding="none"?>',
    '<!DOCTYPE x [<!ENTITY e "v">]>', '<!DOCTYPE x SYSTEM "file:///etc/passwd">', "<!-- -- -->", "<?php ?>",
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;">]>',
    "\ufeff", "\x00", "junk",
)  # fmt: skip
ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7", "cp500")
TAG = re.compile(r"<(/?)([A-Za-z:]+)([^<>]*)>")
SECRET_IN_TEXT = re.compile(rf'("(?:{"|".join(SECRET_MEMBERS)})"\s*:\s*)"[^"]*"', re.IGNORECASE)


def planted(body: str) -> bytes:
    """Return a recorded body with our secret where it has one; a pfx stays, for it must open."""
    return SECRET_IN_TEXT.sub(rf'\1"{SECRET}"', body).encode()


def mutate_body(body: bytes, random: Random) -> bytes:
    kind: Change = of_bytes
    if random.randrange(10):
        kind = of_xml if body.lstrip().startswith(b"<") else of_json
    # What is a mutation of a mutation must not grow without bound; the service reads 64 KB.
    return kind(body[:LONGEST], random)[:LONGEST]


def of_bytes(body: bytes, random: Random) -> bytes:
    at = random.randrange(len(body) + 1)
    match random.randrange(8):
        case 0:
            return body[:at]
        case 1:
            return body[:at] + random.randbytes(random.randrange(1, 5)) + body[at:]
        case 2:
            return body[:at] + bytes([random.randrange(256)]) + body[at + 1 :]
        case 3:
            return random.randbytes(random.choice((1, 100, 5000)))
        case 4:
            return body.decode("utf-8", "replace").encode(random.choice(ENCODINGS), "replace")
        case 5:
            return body * random.choice((2, 40, 400))
        case 6:
            return b""
        case _:
            return random.choice(
                (
                    b"[" * 50_000,
                    b"<a>" * 20_000,
                    b'{"a":' * 5_000,
                    b"\xff\xfe",
                    b"null",
                    b"1",
                    b'""',
                )
            )


def of_json(body: bytes, random: Random) -> bytes:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return of_bytes(body, random)
    places = [*holders(document)]
    if not places:
        return of_bytes(body, random)
    change_json(random.choice(places), random)
    text = json.dumps(document, ensure_ascii=random.randrange(2) == 0)
    return text.encode("utf-8", "replace")


def change_json(holder: Holder, random: Random) -> None:
    if isinstance(holder, dict) and (not holder or random.randrange(3) == 0):
        name = random.choice(ADDED)
        holder[name] = value_for(name, random)
        return
    if isinstance(holder, list) and not holder:
        holder.append(deepcopy(random.choice(VALUES)))
        return
    key: Any = (
        random.choice([*holder]) if isinstance(holder, dict) else random.randrange(len(holder))
    )
    match random.randrange(6):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            renamed(holder, key, random)
        case 2:
            holder[key] = random.choice(
                ([holder[key]], {"value": holder[key]}, json.dumps(holder[key]))
            )
        case 3:
            for _ in range(random.choice((1, 20, 200))):
                holder[key] = [holder[key]]
        case _:
            holder[key] = value_for(key, random)


def value_for(key: object, random: Random) -> Any:
    """Return a value; what callers name themselves is answered as it came, so no secret goes there."""
    value = random.choice(VALUES)
    while str(key).lower() in FREE_FORM and SECRET in str(value):
        value = random.choice(VALUES)
    return deepcopy(value)


def renamed(holder: dict[str, Any], key: str, random: Random) -> None:
    """Give a member another spelling, or the same one twice; never another member's name, which may be no secret's."""
    value = holder[key] if random.randrange(4) == 0 else holder.pop(key)
    spelling = random.choice(
        (key.upper(), key.title(), f"{key} ", f"{key}\u0131", f"x{key}", key[:-1], f"${key}")
    )
    holder[spelling] = value


def holders(document: Any) -> Iterator[Holder]:
    """Yield every object and array, the outermost first."""
    if isinstance(document, dict):
        yield document
        for value in document.values():
            yield from holders(value)
    elif isinstance(document, list):
        yield document
        for value in document:
            yield from holders(value)


def of_xml(body: bytes, random: Random) -> bytes:
    text = body.decode("utf-8", "replace")
    tags = [*TAG.finditer(text)]
    if not tags:
        return of_bytes(body, random)
    tag = random.choice(tags)
    match random.randrange(7):
        case 0:
            text = text[: tag.start()] + text[tag.end() :]
        case 1:
            text = text[: tag.end()] + random.choice(XML_TEXTS) + text[tag.end() :]
        case 2:
            text = random.choice(XML_PROLOGUES) + text
        case 3:
            name = random.choice(
                (tag[2].upper(), f"x{tag[2]}", f"p:{tag[2]}", "Quota", "Label", "Plan")
            )
            text = re.sub(rf"(</?){re.escape(tag[2])}\b", rf"\g<1>{name}", text)
        case 4:
            text = emptied(text, tag[2], random.choice(XML_TEXTS))
        case 5:
            text = doubled(text, tag[2], random.choice((1, 3, 500)))
        case _:
            attribute = random.choice(
                (' i:nil="true"', ' a="1" a="2"', ' xmlns=""', ' xmlns:i="urn:x"', " a")
            )
            text = text[: tag.end() - 1] + attribute + text[tag.end() - 1 :]
    return text.encode("utf-8", "replace")


def emptied(text: str, name: str, content: str) -> str:
    """Return `text` with what the element holds replaced."""
    pattern = re.compile(rf"(<{re.escape(name)}\b[^<>]*>).*?(</{re.escape(name)}>)", re.DOTALL)
    return pattern.sub(lambda found: f"{found[1]}{content}{found[2]}", text, count=1)


def doubled(text: str, name: str, times: int) -> str:
    """Return `text` with the element there once more, or very often."""
    pattern = re.compile(rf"<{re.escape(name)}\b[^<>]*>.*?</{re.escape(name)}>", re.DOTALL)
    return pattern.sub(lambda found: found[0] * (1 + times), text, count=1)
