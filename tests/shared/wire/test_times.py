from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidRequestError
from shared.wire.model import WireModel, read
from shared.wire.times import (
    Duration,
    Instant,
    format_instant,
    format_time_span,
    parse_duration,
    parse_instant,
    tick_of,
    with_tick,
)
from tests.shared.wire import strategies


class Period(WireModel):
    start_time: Instant
    length: Duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2015-07-01T00:00:32.104381", "2015-07-01T00:00:32.104381Z"),
        ("2014-01-01T00:00:00.000Z", "2014-01-01T00:00:00Z"),
        ("2014-06-16T23:01:44.5954124Z", "2014-06-16T23:01:44.5954124Z"),
        ("2014-06-16T23:01:44.0000001-07:00", "2014-06-17T06:01:44.0000001Z"),
        ("2015-09-10T00:00:00.9049999999999999Z", "2015-09-10T00:00:00.905Z"),
        ("2015-04-08T13:00:00-07:00", "2015-04-08T20:00:00Z"),
        ("2015-04-08T13:00:00+0530", "2015-04-08T07:30:00Z"),
        ("2015-04-08t13:00z", "2015-04-08T13:00:00Z"),
        ("2015-04-08 13:00:00", "2015-04-08T13:00:00Z"),
        ("2012-11-04", "2012-11-04T00:00:00Z"),
        ("2024-02-29T23:59:59.9999999Z", "2024-02-29T23:59:59.9999999Z"),
        ("2024-02-29T23:59:59.99999999Z", "2024-03-01T00:00:00Z"),
        ("9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.9999999Z"),
        ("2015-04-08T13:00:00.10Z", "2015-04-08T13:00:00.1Z"),
    ],
)
def test_instant_is_answered_in_utc_with_zeros_trimmed(text: str, expected: str) -> None:
    assert format_instant(parse_instant(text)) == expected


def test_the_seventh_digit_is_shown_and_does_not_count() -> None:
    fine = parse_instant("2016-07-26T18:41:32.2336616Z")
    coarse = parse_instant("2016-07-26T18:41:32.233661Z")

    assert (tick_of(fine), tick_of(coarse)) == (6, 0)
    assert fine == coarse
    assert tick_of(fine + timedelta(days=1)) == 0
    assert format_instant(with_tick(coarse, 6)) == "2016-07-26T18:41:32.2336616Z"
    assert with_tick(coarse, 0) is coarse


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2015-04",
        "2015-04-08T",
        "2015-04-08Z",
        "2015-13-08T00:00:00Z",
        "2015-02-29T00:00:00Z",
        "2015-04-08T24:00:00Z",
        "2015-04-08T13:00:60Z",
        "2015-04-08T13:00:00+15:00",
        "2015-04-08T13:00:00+01:60",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59.99999999Z",
        "2015-04-08T13:00:00Z\n",
        "٢٠١٥-04-08T13:00:00Z",
        "2015-04-08T13:00:00.Z",
    ],
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"instant|offset"):
        parse_instant(text)


@given(strategies.instants)
def test_instants_survive_the_wire(instant: datetime) -> None:
    assert parse_instant(format_instant(instant)) == instant


@given(st.text())
def test_any_text_is_an_instant_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert parse_instant(text).tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:01:00", "00:01:00"),
        ("30.00:00:00", "30.00:00:00"),
        ("1:02:03", "01:02:03"),
        ("00:00:30.5", "00:00:30.5000000"),
        ("PT1M30S", "00:01:30"),
        ("PT1M", "00:01:00"),
        ("P30D", "30.00:00:00"),
        ("P1DT2H", "1.02:00:00"),
        ("P2W", "14.00:00:00"),
        ("P1M", "30.00:00:00"),
        ("P1Y", "365.00:00:00"),
        ("PT0.25S", "00:00:00.2500000"),
        ("PT24H", "1.00:00:00"),
    ],
)
def test_both_forms_of_duration_are_read_and_time_span_is_written(text: str, expected: str) -> None:
    assert format_time_span(parse_duration(text)) == expected


@pytest.mark.parametrize(
    "text",
    ["", "P", "PT", "P1DT", "1M", "60", "00:60:00", "00:00:60", "24:00:00", "-00:01:00", "-PT1M",
     "PT1H\n", "P99999999Y", "00:01"],
)  # fmt: skip
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=99_999_999)))
def test_durations_survive_the_wire(duration: timedelta) -> None:
    assert parse_duration(format_time_span(duration)) == duration


def test_members_of_other_types_are_faults_with_their_paths() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read(Period, {"startTime": 1, "length": True})

    assert [fault.path for fault in caught.value.faults] == ["$.startTime", "$.length"]


def test_malformed_texts_are_faults_that_say_what_would_do() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read(Period, {"startTime": "soon", "length": "long"})

    assert [fault.message for fault in caught.value.faults] == [
        "must be an ISO 8601 instant such as 2026-01-31T02:30:00Z",
        "must be a duration such as 00:01:00, 1.00:00:00 or PT1M",
    ]


def test_values_of_python_are_taken_as_they_are() -> None:
    start, length = datetime(2026, 1, 1, tzinfo=UTC), timedelta(minutes=1)

    period = Period(start_time=start, length=length)

    assert (period.start_time, period.length) == (start, length)
