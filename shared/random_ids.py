"""Random ids (UUID version 4, RFC 9562 §5.4), for whatever needs one that nothing else has.

The system is asked for the randomness of many at once: each question is a call that lets every other thread go first.
"""

import os

IDS_AT_ONCE = 256
DIGITS = 32
VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))

# Digits that no id has yet. Whoever pops them is alone in having them, in whichever thread.
_unused: list[str] = []
# Or the child of a fork would make its parent's ids.
os.register_at_fork(after_in_child=_unused.clear)


def new_id() -> str:
    """Return an id such as `0d6e3bb5-31d1-4a3c-9d0b-0c3e5bd8dd0f`."""
    digits = new_hex_id()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def new_hex_id() -> str:
    """Return an id as 32 hexadecimal digits: the form of `x-ms-request-id`."""
    while True:
        try:
            digits = _unused.pop()
        except IndexError:
            _unused.extend(random_digits(IDS_AT_ONCE))
        else:
            return f"{digits[:12]}4{digits[13:16]}{VARIANTS[digits[16]]}{digits[17:]}"


def random_digits(count: int) -> list[str]:
    digits = os.urandom(count * DIGITS // 2).hex()
    return [digits[start : start + DIGITS] for start in range(0, len(digits), DIGITS)]
