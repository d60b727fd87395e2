"""The timeline as a pipe shows it."""

import io
from datetime import timedelta

from rich.console import Console

from shared.cli.demo.timeline import Timeline
from tests.clocks import START, FakeClock


def plain_timeline(clock: FakeClock) -> tuple[Timeline, io.StringIO]:
    output = io.StringIO()
    return Timeline(Console(file=output, width=120, highlight=False), clock), output


def test_line_tells_time_since_the_start_time_of_day_component_and_what_happened() -> None:
    clock = FakeClock()
    timeline, output = plain_timeline(clock)
    clock.set(START + timedelta(milliseconds=1250))

    timeline.say("connector", "PUT /x → 202")

    assert output.getvalue().split() == [
        *("+1.250", "s", "12:00:01.250", "connector"),
        *("PUT", "/x", "→", "202"),
    ]


def test_line_of_something_that_happened_earlier_shows_that_time() -> None:
    clock = FakeClock()
    timeline, output = plain_timeline(clock)
    clock.set(START + timedelta(seconds=9))

    timeline.say("receiver", "event", at=START + timedelta(seconds=2))

    assert output.getvalue().split()[:3] == ["+2.000", "s", "12:00:02.000"]


def test_brackets_are_printed_and_not_read_as_markup() -> None:
    timeline, output = plain_timeline(FakeClock())

    timeline.say("connector", "$.action[bold] is not allowed")

    assert "$.action[bold] is not allowed" in output.getvalue()


def test_waiting_prints_nothing_where_nobody_watches() -> None:
    timeline, output = plain_timeline(FakeClock())

    with timeline.waiting("the event"):
        pass

    assert output.getvalue() == ""


def test_table_has_its_columns_and_every_row() -> None:
    timeline, output = plain_timeline(FakeClock())

    timeline.table("faults", ["path", "fault"], [["$.a", "is missing"], ["$.b[0]", "is no text"]])

    for cell in ("faults", "path", "fault", "$.a", "is missing", "$.b[0]", "is no text"):
        assert cell in output.getvalue()
