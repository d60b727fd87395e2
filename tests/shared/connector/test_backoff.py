from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.connector.backoff import LONGEST, LONGEST_POLL, back_off, poll_delay, retry_after_of

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@given(failures=st.integers(0, 10**9), chance=st.floats(0, 1))
def test_wait_is_spread_over_half_of_itself(failures: int, chance: float) -> None:
    wait = back_off(failures, chance=chance)
    longest = back_off(failures, chance=1)

    assert longest / 2 <= wait <= longest <= LONGEST


@given(polls=st.integers(0, 10**9))
def test_polls_never_come_closer_together(polls: int) -> None:
    assert poll_delay(polls) <= poll_delay(polls + 1) <= LONGEST_POLL


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        (" 0 ", 0),
        ("99999999999999999999", 86400),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0),
        ("Thu, 01 Jan 2026 12:00:30 -0000", 30),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("²", None),
        ("soon", None),
        ("Thu, 99 Jan 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: int | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)

    assert retry_after_of({"retry-after": text}, now=NOW) == expected


@given(st.text(max_size=40))
def test_no_retry_after_breaks_anything(text: str) -> None:
    wait = retry_after_of({"retry-after": text}, now=NOW)

    assert wait is None or wait >= timedelta()
