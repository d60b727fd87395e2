"""Which events an event subscription gets, by type: exactly, below a prefix (`tocsin.operation.*`), or all (`*`)."""

import re

EVERYTHING = "*"
SEGMENT = r"[A-Za-z0-9_-]+"
TYPE_FILTER = re.compile(rf"\*|{SEGMENT}(?:\.{SEGMENT})*(?:\.\*)?", re.ASCII)


def is_type_filter(text: str) -> bool:
    """Prefixes end at a dot: `tocsin.op*` is none."""
    return TYPE_FILTER.fullmatch(text) is not None


def filter_keys(event_type: str) -> list[str]:
    """Return every filter that lets the type through, so that matching is a look-up and not a scan."""
    segments = event_type.split(".")
    prefixes = [".".join([*segments[:count], EVERYTHING]) for count in range(len(segments))]
    return [event_type, *prefixes]
