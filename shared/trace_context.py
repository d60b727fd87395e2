"""The `traceparent` of W3C Trace Context: what of one is passed on.

Tocsin takes no part in a trace; it passes on what it was given, and an invalid one counts as none.
https://www.w3.org/TR/trace-context/#traceparent-header
"""

import re

TRACEPARENT = "traceparent"
"""The header, the property of a message, the extension of CloudEvents."""
VERSION = "00"
OF_ANY_VERSION = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})-(?P<trace_id>(?!0{32})[0-9a-f]{32})-(?P<parent_id>(?!0{16})[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<rest>-.*)?",
    re.DOTALL,
)
SAMPLED = 1


def passed_on(given: str | None) -> str | None:
    """Return a valid `traceparent` as it is, one of a later version as our version says the same, else None."""
    found = OF_ANY_VERSION.fullmatch(given) if given else None
    if found is None:
        return None
    if found["version"] == VERSION:
        return None if found["rest"] else found[0]
    flags = int(found["flags"], base=16) & SAMPLED
    return f"{VERSION}-{found['trace_id']}-{found['parent_id']}-{flags:02}"
