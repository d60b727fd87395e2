"""Which events an event subscription gets: by type, by subject, and by members of the data.

Types are looked up: exactly, below a prefix (`tocsin.operation.*`), or all (`*`); what lets no type of ours through is
refused. Only for what a type lets through is the subject looked at (whole segments, ignoring case), and then the data:
every filter must let it through.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared.events.event_types import EventType
from shared.wire.json_types import Json

EVERYTHING = "*"
SEGMENT = r"[A-Za-z0-9_-]+"
DATA_PATH = re.compile(rf"\$(?:\.{SEGMENT}){{1,10}}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFilter:
    """Lets through data in which the member at `path` (`$.command`, `$.error.code`) equals a text, a number or a
    boolean, or is a text that begins with `prefix`; one of the two is given."""

    path: str
    equals: str | float | bool | None = None
    prefix: str | None = None


def filter_keys(event_type: str) -> list[str]:
    """Return every filter that lets the type through, so that matching is a look-up and not a scan."""
    segments = event_type.split(".")
    prefixes = [".".join([*segments[:count], EVERYTHING]) for count in range(len(segments))]
    return [event_type, *prefixes]


TYPE_FILTERS = tuple(sorted({key for one in EventType for key in filter_keys(one.value)}))
"""All that may be asked for, from `*` to each type."""


def fault_of_type_filter(text: str) -> str | None:
    """Return what is wrong with a filter that no event can pass, and name what there is nearest to it."""
    if text in TYPE_FILTERS:
        return None
    of_one_kind = re.match(rf"{SEGMENT}\.{SEGMENT}\.", text)
    near = [one for one in TYPE_FILTERS if of_one_kind and one.startswith(of_one_kind[0])]
    there_is = near or [one for one in TYPE_FILTERS if one.endswith(EVERYTHING)]
    return f"must be a type of ours or a prefix of some: {', '.join(there_is)}"


def is_data_path(text: str) -> bool:
    """Names of letters, digits, `_` and `-`, up to ten of them: `$.a.b`."""
    return DATA_PATH.fullmatch(text) is not None


def is_below(subject: str | None, prefix: str) -> bool:
    """Whether `prefix` is whole segments that `subject` begins with, in any case; an empty one lets all through."""
    if not prefix:
        return True
    whole = prefix.lower().rstrip("/")
    return not whole or f"{(subject or '').lower()}/".startswith(f"{whole}/")


def lets_through(filters: Sequence[DataFilter], data: Json) -> bool:
    """Whether every filter lets `data` through."""
    return all(is_match(one, member_at(data, one.path)) for one in filters)


def is_match(one: DataFilter, found: Json) -> bool:
    if one.prefix is not None:
        return isinstance(found, str) and found.startswith(one.prefix)
    # JSON tells true from 1, Python does not.
    return isinstance(found, bool) is isinstance(one.equals, bool) and found == one.equals


def member_at(data: Json, path: str) -> Json:
    """Return what stands at `path`; None where nothing does, which no filter lets through."""
    found = data
    for name in path.split(".")[1:]:
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    return found
