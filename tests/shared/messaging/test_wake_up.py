from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidRequestError
from shared.messaging.wake_up import WakeUp


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")), st.integers(0, 2**31 - 1))
def test_decoded_is_what_was_encoded(row_id: str, attempt: int) -> None:
    wake_up = WakeUp(row_id, attempt)

    assert WakeUp.decode(wake_up.encode()) == wake_up


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"id"',
        b"{}",
        b'{"id": "a"}',
        b'{"id": 1, "attempt": 1}',
        b'{"id": "a", "attempt": "1"}',
        b'{"id": "a", "attempt": true}',
        b'{"id": "a", "attempt": 1.0}',
        b'{"id": "a", "attempt": -1}',
        b'{"id": "a", "attempt": 2147483648}',
        b'{"id": "\\ud800", "attempt": 1}',
        b'{"id": "a\\u0000", "attempt": 1}',
        b"[" * 100_000,
    ],
)
def test_p10_anything_else_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        WakeUp.decode(body)


@given(st.binary(max_size=40))
def test_p10_no_bytes_break_it(body: bytes) -> None:
    with suppress(InvalidRequestError):
        WakeUp.decode(body)
