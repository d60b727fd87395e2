from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.connector.history_looks import (
    LONGEST_ATTEMPT,
    SHORT_LOOKS,
    Lost,
    SeenJob,
    Sight,
    account,
    first_sight,
    has_moved,
    record_of,
    sight_of,
)
from shared.wire.job import JobHistory
from tests.clocks import START

MINUTE = timedelta(minutes=1)
RECORD: dict[str, Any] = {
    "jobId": "j",
    "timestamp": "2026-01-31T02:30:00Z",
    "startTime": "2026-01-31T02:30:00Z",
    "endTime": "2026-01-31T02:30:01Z",
    "state": "enabled",
    "message": "OK",
    "status": "completed",
    "actionName": "MainAction",
    "repeatCount": 1,
    "retryCount": 0,
}


def sight(attempts: int | None, last_started: datetime | None = None) -> Sight:
    return Sight(id="j", attempts=attempts, last_started=last_started)


def seen(attempts: int | None, **members: Any) -> SeenJob:
    known = {"last_started": None, "known_until": None, "complete_at": START, **members}
    return SeenJob(attempts=attempts, **known)


def records(count: int, *, start: datetime = START, action: str = "MainAction") -> list[JobHistory]:
    document = {**RECORD, "startTime": start.isoformat(), "actionName": action}
    found = [record_of({**document, "repeatCount": number + 1}) for number in range(count)]
    return [one for one in found if one is not None]


@pytest.mark.parametrize(
    ("document", "shown"),
    [
        ({"id": "j", "status": {"executionCount": 3}}, sight(3)),
        (
            {"id": "j", "status": {"executionCount": 1, "lastExecutionTime": START.isoformat()}},
            sight(1, START),
        ),
        ({"id": "j", "status": {"ExecutionCount": 3, "faultedCount": 1}}, sight(3)),
        ({"id": "j", "status": {}}, sight(0)),
        ({"id": "j"}, sight(None)),
        ({"id": "j", "status": 3}, sight(None)),
        ({"id": "j", "status": {"executionCount": "many"}}, sight(None)),
        ({"id": "j", "status": {"executionCount": -1}}, sight(None)),
        ({"id": "j", "status": {"executionCount": 10**30}}, sight(None)),
        ({"id": "j", "status": {"lastExecutionTime": "once"}}, sight(None)),
        ({"id": 7}, None),
        ({"id": "a\x00b"}, None),
        ({"id": "a/b"}, None),
        ({}, None),
        ([], None),
        (None, None),
    ],
)
def test_p10_a_list_shows_of_a_job_what_can_be_read(document: Any, shown: Sight | None) -> None:
    assert sight_of(document) == shown


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "record",
        {},
        {**RECORD, "repeatCount": "first"},
        {**RECORD, "startTime": "then"},
        {**RECORD, "status": "perhaps"},
        {name: value for name, value in RECORD.items() if name != "retryCount"},
    ],
)
def test_p10_what_is_no_record_is_none(document: Any) -> None:
    assert record_of(document) is None


def test_members_that_only_another_server_knows_are_left_out() -> None:
    found = record_of({**RECORD, "clusterNode": "n1"})

    assert found is not None
    assert found == record_of(RECORD)


def test_what_the_first_look_finds_was_there_before() -> None:
    known = first_sight(sight(5, START), since=None, now=START + MINUTE)

    assert known == seen(5, last_started=START, known_until=START, complete_at=START + MINUTE)
    assert not has_moved(known, sight(5, START))


def test_of_a_job_that_is_disabled_at_the_first_look_what_begins_later_is_new() -> None:
    now = START + MINUTE
    known = first_sight(sight(None), since=None, now=now)

    assert known == seen(None, known_until=now, complete_at=now)
    assert has_moved(known, sight(57))
    assert known.expects(sight(57)) == 0


def test_a_job_that_comes_later_is_new_with_all_its_history() -> None:
    known = first_sight(sight(2), since=START, now=START + MINUTE)

    assert known == seen(0, complete_at=START)
    assert known.expects(sight(2)) == 2


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [(5, 5, 0), (5, 7, 2), (0, 3, 3), (5, 0, 0), (5, 2, 2), (None, 9, 0), (5, None, 0)],
)
def test_a_count_that_goes_back_began_anew(
    before: int | None, now: int | None, expected: int
) -> None:
    assert seen(before).expects(sight(now)) == expected


@pytest.mark.parametrize(
    ("known", "shown", "moved"),
    [
        (seen(5), sight(5), False),
        (seen(5), sight(6), True),
        (seen(5), sight(4), True),
        (seen(5), sight(None), False),
        (seen(None), sight(None), False),
        (seen(5, last_started=START), sight(5, START + MINUTE), True),
        (seen(5, short_looks=1), sight(5), True),
    ],
)
def test_history_is_read_when_a_number_moved(known: SeenJob, shown: Sight, moved: bool) -> None:
    assert has_moved(known, shown) == moved


def test_records_of_the_error_action_are_told_and_not_counted() -> None:
    following, lost = account(
        seen(5),
        sight(6),
        [*records(1), *records(1, action="ErrorAction")],
        now=START + MINUTE,
    )

    assert lost is None
    assert following.attempts == 6


def test_a_loss_is_told_after_several_looks_that_came_up_short() -> None:
    known, lost = account(seen(5), sight(9), records(1), now=START + MINUTE)
    for look in range(2, SHORT_LOOKS):
        assert lost is None
        assert known.expects(sight(9)) == 3
        known, lost = account(known, sight(9), [], now=START + look * MINUTE)
    assert lost is None

    until = START + SHORT_LOOKS * MINUTE
    known, lost = account(known, sight(9), [], now=until)

    assert lost == Lost(since=START, until=until, attempts=3)
    assert (known.attempts, known.short_looks, known.complete_at) == (9, 0, until)


def test_what_comes_late_makes_up_for_it() -> None:
    known, _ = account(seen(5), sight(7), records(1), now=START + MINUTE)

    known, lost = account(known, sight(7), records(1), now=START + 2 * MINUTE)

    assert lost is None
    assert (known.attempts, known.short_looks) == (7, 0)


def test_what_started_long_before_the_newest_record_is_known() -> None:
    known, _ = account(seen(0), sight(1), records(1, start=START), now=START)
    assert known.known_until == START - LONGEST_ATTEMPT

    later, _ = account(known, sight(2), records(1, start=START - timedelta(days=9)), now=START)
    assert later.known_until == known.known_until


@given(
    looks=st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 6), st.booleans()), min_size=1, max_size=30
    )
)
def test_every_attempt_is_told_or_lost_whatever_a_server_drops_or_brings_late(
    looks: list[tuple[int, int, bool]],
) -> None:
    """At each look so many attempts are new, the oldest of what waits is dropped, and the rest shown or held back."""
    known = first_sight(sight(0), since=None, now=START)
    attempts = waiting = told = gone = lost_in_all = 0
    now = START
    for new, dropped, is_shown in [*looks, *[(0, 0, True)] * (SHORT_LOOKS + 1)]:
        now += MINUTE
        attempts += new
        waiting += new
        dropped = min(dropped, waiting)
        waiting -= dropped
        gone += dropped
        shown = waiting if is_shown else 0
        if has_moved(known, sight(attempts)):
            known, lost = account(known, sight(attempts), records(shown), now=now)
            lost_in_all += lost.attempts if lost else 0
            told += shown
            waiting -= shown

    assert told <= attempts
    assert lost_in_all >= gone
    if all(shown for _, _, shown in looks):
        assert (told, lost_in_all) == (attempts - gone, gone)
