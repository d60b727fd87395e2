from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.connector.listing import OperationFilter, Place, next_query, read_filter
from shared.connector.operations import OperationStatus
from shared.errors import InvalidRequestError

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
PLACE = Place(NOON, 7)


def test_query_without_parameters_asks_for_the_newest_hundred() -> None:
    assert read_filter({"code": "k", "clientId": "c"}) == OperationFilter(limit=100)


def test_every_parameter_is_read_ignoring_case() -> None:
    query = {
        "status": "failed, NOTSTARTED",
        "resource": "/CloudServices/CS%201/JobCollections",
        "since": "2026-01-31T13:00:00+01:00",
        "limit": "007",
        "before": str(PLACE),
    }

    assert read_filter(query) == OperationFilter(
        statuses=frozenset([OperationStatus.FAILED, OperationStatus.NOT_STARTED]),
        resource_prefix="/cloudservices/cs%201/jobcollections/",
        since=NOON,
        limit=7,
        before=PLACE,
    )


def test_p10_all_faults_are_told_at_once() -> None:
    query = {
        "status": "done",
        "resource": "cs1",
        "since": "soon",
        "limit": "0",
        "before": "last",
        "state": "Failed",
    }

    with pytest.raises(InvalidRequestError) as raised:
        read_filter(query)

    assert [fault.path for fault in raised.value.faults] == [
        "?status",
        "?resource",
        "?since",
        "?limit",
        "?before",
        "?state",
    ]


@pytest.mark.parametrize("status", ["", ",", "failed,", "failed,,succeeded"])
def test_p10_empty_status_is_a_fault(status: str) -> None:
    with pytest.raises(InvalidRequestError):
        read_filter({"status": status})


@given(
    st.dictionaries(
        st.sampled_from(["status", "resource", "since", "limit", "before"]), st.text(max_size=40)
    )
)
def test_p10_any_query_is_read_or_refused(query: dict[str, str]) -> None:
    with suppress(InvalidRequestError):
        assert 1 <= read_filter(query).limit <= 100


@given(st.integers(0, 7 * 10**9), st.integers(0, 10**18 - 1))
def test_place_is_read_as_it_was_written(seconds: int, number: int) -> None:
    place = Place(NOON.fromtimestamp(seconds, UTC), number)

    assert read_filter({"before": str(place)}).before == place


def test_next_query_keeps_what_was_asked_for_and_no_key() -> None:
    query = {"code": "k", "status": "failed", "before": "1-1", "limit": "2"}

    assert next_query(query, PLACE) == f"status=failed&limit=2&before={PLACE}"
