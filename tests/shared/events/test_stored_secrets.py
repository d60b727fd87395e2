from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.events.stored_secrets import (
    StoredSecret,
    map_secrets,
    read_secrets,
    rotated,
    write_secrets,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
instants = st.none() | st.datetimes(timezones=st.just(UTC))
secrets = st.lists(st.builds(StoredSecret, st.text(), instants), max_size=3).map(tuple)


def test_the_one_before_goes_on_until_the_overlap_ends() -> None:
    found = rotated([StoredSecret("a")], "b", until=NOW + DAY, now=NOW)

    assert found == (StoredSecret("b"), StoredSecret("a", NOW + DAY))
    assert [one.is_valid(NOW + DAY / 2) for one in found] == [True, True]
    assert [one.is_valid(NOW + DAY) for one in found] == [True, False]


def test_a_third_one_ends_the_oldest() -> None:
    two = rotated([StoredSecret("a")], "b", until=NOW + DAY, now=NOW)

    three = rotated(two, "c", until=NOW + 2 * DAY, now=NOW)

    assert three == (StoredSecret("c"), StoredSecret("b", NOW + 2 * DAY))


def test_without_an_overlap_there_is_one() -> None:
    assert rotated([StoredSecret("a")], "b", until=NOW, now=NOW) == (StoredSecret("b"),)


@given(secrets)
def test_what_is_written_is_read(given_secrets: tuple[StoredSecret, ...]) -> None:
    assert read_secrets(write_secrets(given_secrets)) == given_secrets


@given(secrets)
def test_each_secret_is_changed_where_it_stands(given_secrets: tuple[StoredSecret, ...]) -> None:
    text = write_secrets(given_secrets)

    assert map_secrets(text, lambda sealed: sealed) == text
    changed = read_secrets(map_secrets(text, lambda sealed: f"{sealed}!"))
    assert changed == tuple(StoredSecret(f"{one.sealed}!", one.until) for one in given_secrets)


def test_p8_a_secret_is_in_no_repr() -> None:
    assert "sealed1" not in repr(StoredSecret("sealed1.k1.QUJD"))
