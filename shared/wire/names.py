"""What resources may be called; the names are parameters of the catalogue's path templates."""

import re
from collections.abc import Mapping

from shared.errors import Fault

RULES = {
    "cloud_service": (
        re.compile(r"[A-Za-z0-9][A-Za-z0-9_.()\-]{0,99}"),
        "1 to 100 letters, digits, '-', '_', '.', '(' or ')', a letter or digit first",
    ),
    "job_collection": (
        re.compile(r"[A-Za-z][A-Za-z0-9_\-]{0,99}"),
        "1 to 100 letters, digits, '-' or '_', a letter first",
    ),
    # A job named `..` would make every client and proxy address something else.
    "job": (
        re.compile(r"(?!\.{1,2}$)[^/\\\x00-\x1f\x7f]{1,100}"),
        "1 to 100 characters without '/', '\\' and control characters, and not '.' or '..'",
    ),
    "provider": (
        re.compile(r"[A-Za-z][A-Za-z0-9.]{0,99}"),
        "1 to 100 letters, digits or '.', a letter first",
    ),
    "operation": (
        re.compile(
            r"[0-9A-Fa-f]{8}(-?)[0-9A-Fa-f]{4}\1[0-9A-Fa-f]{4}\1[0-9A-Fa-f]{4}\1[0-9A-Fa-f]{12}"
        ),
        "a request id of 32 hexadecimal digits, with or without dashes",
    ),
}


def name_faults(params: Mapping[str, str], *, path: str = "$.resource") -> tuple[Fault, ...]:
    """Return a fault for each name that no resource can have."""
    return tuple(
        Fault(path, f"{param.replace('_', ' ')} {name[:120]!r} is no name: use {RULES[param][1]}")
        for param, name in params.items()
        if param in RULES and RULES[param][0].fullmatch(name) is None
    )
