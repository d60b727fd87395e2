import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidRequestError
from shared.scheduler.service.paging import MAX_TOP, Page, read_page
from shared.wire.job import JobState


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
