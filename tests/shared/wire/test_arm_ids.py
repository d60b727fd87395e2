from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import from_microseconds
from shared.wire.arm_ids import deletion_id, group_of_deletion, history_key
from shared.wire.names import RULES

NAMES = st.from_regex(RULES["cloud_service"][0], fullmatch=True)
INSTANTS = st.integers(0, 4 * 10**15).map(from_microseconds)


def test_a_key_is_as_recorded_but_for_the_seventh_digit() -> None:
    started_at = datetime(2015, 7, 17, 19, 8, 0, 852488, tzinfo=UTC)

    assert history_key(started_at, 1465278) == "02519651407191475119:09223372036853310529"


@given(st.tuples(INSTANTS, st.integers(1, 2**62)), st.tuples(INSTANTS, st.integers(1, 2**62)))
def test_keys_sort_newest_first_and_what_was_recorded_last_before(
    one: tuple[datetime, int], other: tuple[datetime, int]
) -> None:
    assert (history_key(*one) < history_key(*other)) == (one > other)
    assert len(history_key(*one)) == 41


def test_the_id_of_a_deletion_is_as_recorded() -> None:
    recorded = (
        "eyJqb2JJZCI6IlJFU09VUkNFR1JPVVBERUxFVElPTkpPQi1PTkVTREszNDE5LVdFU1RVUyIsImpvYkxvY2F0"
        "aW9uIjoid2VzdHVzIn0"
    )

    assert deletion_id("onesdk3419", location="westus") == recorded
    assert group_of_deletion(recorded) == "ONESDK3419"


@given(NAMES)
def test_a_group_is_found_by_the_id_of_its_deletion(name: str) -> None:
    assert group_of_deletion(deletion_id(name, location="westus")) == name.upper()


@pytest.mark.parametrize(
    "id", ["", "x", "ü", "e30", "bnVsbA", "eyJqb2JJZCI6MX0", "eyJqb2JJZCI6IlgifQ", "0" * 32]
)
def test_another_id_names_no_group(id: str) -> None:
    assert group_of_deletion(id) is None


@given(INSTANTS)
def test_a_microsecond_is_ten_ticks(instant: datetime) -> None:
    key, _, _ = history_key(instant, 1).partition(":")
    earlier, _, _ = history_key(instant - timedelta(microseconds=1), 1).partition(":")

    assert int(earlier) - int(key) == 10
