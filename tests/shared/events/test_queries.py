from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Fault, InvalidRequestError
from shared.events.queries import (
    LogQuery,
    PageQuery,
    RangeQuery,
    check_no_query,
    read_log_query,
    read_page_query,
    read_range_query,
)

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def test_an_empty_query_is_the_first_page_of_everything() -> None:
    assert read_log_query({"code": "key"}) == LogQuery(
        since=0, limit=100, of_type="*", within=timedelta(0)
    )
    assert read_page_query({}) == PageQuery(after=0, limit=100)


def test_everything_can_be_said() -> None:
    query = {"since": "0009", "limit": "1000", "wait": "20", "type": "tocsin.job.*"}

    assert read_log_query(query) == LogQuery(
        since=9, limit=1000, of_type="tocsin.job.*", within=timedelta(seconds=20)
    )


@pytest.mark.parametrize(
    "query",
    [
        {"since": ""},
        {"since": "-1"},
        {"since": str(2**63)},
        {"since": "9" * 5000},
        {"since": "٣"},
        {"limit": "0"},
        {"limit": "1001"},
        {"wait": "21"},
        {"wait": "1.5"},
        {"type": ""},
        {"type": "tocsin.op*"},
        {"type": "nope"},
        {"types": "*"},
        {"n" * 99: ""},
        {"Since": "1", "x": ""},
    ],
    ids=lambda query: str(query)[:30],
)
def test_p10_anything_else_is_a_fault_of_its_parameter(query: dict[str, str]) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_log_query(query)

    assert [fault.path for fault in caught.value.faults] == [f"?{name}" for name in query]


def test_p10_no_reader_passes_over_a_parameter() -> None:
    for read in (
        lambda query: read_range_query({"since": "2026-01-01T00:00:00Z", **query}, now=NOW),
        read_page_query,
        read_log_query,
        check_no_query,
    ):
        read({"code": "key", "clientId": "c"})
        with pytest.raises(InvalidRequestError) as caught:
            read({"foo": "1"})
        assert caught.value.faults == (Fault("?foo", "is not a known parameter"),)


def test_a_range_ends_now_where_nothing_else_is_said() -> None:
    since = NOW - timedelta(hours=2)

    assert read_range_query({"since": "2026-01-31T10:00:00Z"}, now=NOW) == RangeQuery(
        since=since, until=NOW
    )
    # A plus sign arrives as a blank.
    query = {"since": "2026-01-31T12:00:00 02:00", "until": "2026-01-31T11:00:00"}
    assert read_range_query(query, now=NOW) == RangeQuery(
        since=since, until=NOW - timedelta(hours=1)
    )


@pytest.mark.parametrize(
    ("query", "paths"),
    [
        ({}, ["?since"]),
        ({"since": "yesterday", "until": "now"}, ["?since", "?until"]),
        ({"since": "2026-01-31T12:00:00Z"}, ["?since"]),
        ({"since": "2026-01-30", "until": "2026-01-29"}, ["?since"]),
    ],
)
def test_p10_a_range_that_is_none_is_a_fault(query: dict[str, str], paths: list[str]) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_range_query(query, now=NOW)

    assert [fault.path for fault in caught.value.faults] == paths


@given(st.dictionaries(st.sampled_from(["since", "until"]), st.text(max_size=25)))
def test_p10_no_query_breaks_the_reading(query: dict[str, str]) -> None:
    try:
        found = read_range_query(query, now=NOW)
    except InvalidRequestError:
        return
    assert found.since < found.until
