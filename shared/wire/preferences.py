"""What a caller would like of an answer: the header `Prefer` (RFC 7240)."""

import re
from collections.abc import Iterator
from datetime import timedelta

LONGEST_WAIT = timedelta(seconds=20)
SECONDS = re.compile(r'([0-9]+)|"([0-9]+)"')
# A quote that is never closed reaches to the end, or looking for its end would begin anew at each character after it.
PREFERENCE = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*(?:"|\\?\Z))+')
MOST_DIGITS = 5


def preferred_wait(header: str) -> timedelta | None:
    """Return how long the caller would wait for the end, at most 20 s; None if it would not.

    Of two `wait`s the first counts (section 2), and one that is no number of seconds is no preference.
    """
    for name, value in preferences(header):
        if name == "wait":
            return wait_of(value)
    return None


def preferences(header: str) -> Iterator[tuple[str, str]]:
    """Yield names, in lower case, with their values; a comma in quotes ends nothing, parameters are passed over."""
    for part in PREFERENCE.findall(header):
        name, _, value = part.partition(";")[0].partition("=")
        yield name.strip().lower(), value.strip()


def wait_of(text: str) -> timedelta | None:
    match = SECONDS.fullmatch(text)
    if match is None:
        return None
    # Of a number with thousands of digits Python makes an error.
    seconds = int((match[1] or match[2]).lstrip("0")[:MOST_DIGITS] or "0")
    return min(timedelta(seconds=seconds), LONGEST_WAIT)
