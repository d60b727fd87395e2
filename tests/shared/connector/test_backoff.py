from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from shared.connector.backoff import LONGEST, LONGEST_POLL, back_off, poll_delay

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@given(failures=st.integers(0, 10**9), chance=st.floats(0, 1))
def test_wait_is_spread_over_half_of_itself(failures: int, chance: float) -> None:
    wait = back_off(failures, chance=chance)
    longest = back_off(failures, chance=1)

    assert longest / 2 <= wait <= longest <= LONGEST


@given(polls=st.integers(0, 10**9))
def test_polls_never_come_closer_together(polls: int) -> None:
    assert poll_delay(polls) <= poll_delay(polls + 1) <= LONGEST_POLL
