"""What text every database can hold: PostgreSQL refuses NUL, and no encoding knows half a surrogate pair."""

import re

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def is_storable(text: str) -> bool:
    return UNSTORABLE.search(text) is None


def storable(text: str) -> str:
    """Return `text` with U+FFFD in place of what cannot be stored."""
    return UNSTORABLE.sub("\ufffd", text)
