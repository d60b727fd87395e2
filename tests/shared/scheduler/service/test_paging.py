import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidRequestError
from shared.scheduler.service.paging import (
    HistoryPage,
    Page,
    read_history_page,
    read_page,
)
from shared.wire.job import JobExecutionStatus, JobState
from shared.wire.queries import MAX_HISTORY_TOP, MAX_TOP


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ("", Page()),
        ("api-version=2014-04-01", Page()),
        ("$skip=0", Page(skip=0)),
        ("$skip=7&$top=5", Page(skip=7, top=5)),
        ("%24top=1000", Page(top=1000)),
        ("$filter=state eq enabled", Page(state=JobState.ENABLED)),
        ("$filter=state%20EQ%20%27Faulted%27", Page(state=JobState.FAULTED)),
        ("$filter=+state++eq+DISABLED+", Page(state=JobState.DISABLED)),
    ],
)
def test_queries_that_clients_send_are_read(query: str, page: Page) -> None:
    assert read_page(query) == page


def test_all_faults_are_told_together() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_page("$top=0&$skip=-1&$filter=status eq completed")

    assert [fault.path for fault in caught.value.faults] == ["$top", "$skip", "$filter"]


@pytest.mark.parametrize("text", ["", "1.5", "٣", "1e3", "0x10", " 1", "99999999999"])
def test_only_plain_numbers_are_numbers(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        read_page(f"$top={text}")


@given(st.text())
def test_any_query_is_a_page_or_a_fault(query: str) -> None:
    try:
        page = read_page(query)
    except InvalidRequestError:
        return
    assert 1 <= page.top <= MAX_TOP
    assert page.skip >= 0


FAILED = HistoryPage(status=JobExecutionStatus.FAILED)
FAULTED = HistoryPage(state=JobState.FAULTED)
BOTH = HistoryPage(status=JobExecutionStatus.FAILED, state=JobState.FAULTED)


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ("", HistoryPage()),
        ("api-version=2014-04-01&$skip=200&$top=100", HistoryPage(skip=200, top=100)),
        ("api-version=2014-04-01&$top=1", HistoryPage(top=1)),
        ("$filter=status%20eq%20failed", FAILED),
        ("$filter=Status+EQ+'Failed'", FAILED),
        ("$filter=++status++eq++FAILED++", FAILED),
        ("$filter=status eq postponed", HistoryPage(status=JobExecutionStatus.POSTPONED)),
        ("$filter=status eq completed", HistoryPage(status=JobExecutionStatus.COMPLETED)),
        ("$filter=state eq completed", HistoryPage(state=JobState.COMPLETED)),
        ("$filter=State eq Faulted", FAULTED),
        ("$filter=status eq failed and state eq faulted", BOTH),
        ("$filter=STATE EQ 'FAULTED'  AND\tstatus eq failed", BOTH),
    ],
)
def test_queries_of_history_are_read(query: str, page: HistoryPage) -> None:
    assert read_history_page(query) == page


def test_a_page_of_history_has_100_records_when_no_number_is_asked_for() -> None:
    assert read_history_page("").top == 100


def test_all_faults_of_a_query_of_history_are_told_together() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_history_page("$top=101&$skip=-1&$filter=status eq enabled")

    assert [(fault.path, fault.message) for fault in caught.value.faults] == [
        ("$top", "must be an integer from 1 to 100"),
        ("$skip", "must be an integer from 0 to 2147483647"),
        (
            "$filter",
            "must be 'status eq' and one of completed, failed, postponed, or 'state eq' and one of "
            "enabled, disabled, completed, faulted, or one of each with 'and' between",
        ),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "status",
        "status eq",
        "status eq done",
        "status ne failed",
        "status eq failed and",
        "status eq failed and state",
        "status eq failed and state eq",
        "status eq failed or state eq faulted",
        "status eq failed and status eq failed",
        "status eq failed and state eq failed",
        "status eq failed and state eq faulted and status eq failed",
        "colour eq failed",
        "status eq 'failed",
        "status eq '",
        "status eq ''",
        "status eqfailed",
        "not status eq failed",
    ],
)
def test_p10_what_is_no_filter_of_history_is_a_fault(text: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_history_page(f"$filter={text}")

    assert [fault.path for fault in caught.value.faults] == ["$filter"]


WORDS = ["status", "state", "eq", "and", "failed", "faulted", "'completed'", "'", " "]


@given(st.text() | st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join))
def test_p10_any_query_of_history_is_a_page_or_a_fault(text: str) -> None:
    for query in (text, f"$filter={text}"):
        try:
            page = read_history_page(query)
        except InvalidRequestError:
            continue
        assert 1 <= page.top <= MAX_HISTORY_TOP
        assert page.skip >= 0
