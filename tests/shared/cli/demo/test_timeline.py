"""The timeline as a pipe shows it."""

import io
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from shared.cli.demo.timeline import HOLD, Timeline
from tests.clocks import START, FakeClock


def plain_timeline(clock: FakeClock, *, width: int = 140) -> tuple[Timeline, io.StringIO]:
    output = io.StringIO()
    return Timeline(Console(file=output, width=width, highlight=False), clock), output


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


def test_numbers_end_where_their_column_does() -> None:
    timeline, output = plain_timeline(FakeClock())

    timeline.table("t", ["#", "name"], [["1", "a"], ["10", "bcd"]], numbers=["#"])

    assert "│  1 │ a    │" in output.getvalue()


def test_narrow_line_leaves_the_time_of_day_out() -> None:
    timeline, output = plain_timeline(FakeClock(), width=80)

    timeline.say("connector", "PUT /x → 202")

    assert output.getvalue() == "  +0.000 s  connector  PUT /x → 202\n"


WORDS = st.lists(st.text("abcdefgh-/", min_size=1, max_size=30), min_size=1, max_size=20)


@given(words=WORDS, width=st.integers(60, 160))
def test_no_word_is_cut_and_no_line_is_too_wide_or_ends_in_a_blank(
    words: list[str], width: int
) -> None:
    timeline, output = plain_timeline(FakeClock(), width=width)

    timeline.say("receiver", " ".join(words))

    assert output.getvalue().split()[-len(words) :] == words
    for line in output.getvalue().splitlines():
        assert len(line) <= width
        assert line == line.rstrip()


@given(st.lists(st.integers(0, 9), max_size=9))
def test_what_is_held_comes_out_in_the_order_in_which_it_happened(seconds: list[int]) -> None:
    clock = FakeClock()
    timeline, output = plain_timeline(clock)
    clock.set(START + timedelta(seconds=10))

    with timeline.holding():
        for each in seconds:
            timeline.say("receiver", "x", at=START + timedelta(seconds=each))
        assert output.getvalue() == ""

    shown = [line.split()[0] for line in output.getvalue().splitlines()]
    assert shown == [f"+{each}.000" for each in sorted(seconds)]


def test_only_what_is_old_enough_is_due() -> None:
    clock = FakeClock()
    timeline, output = plain_timeline(clock)

    with timeline.holding():
        timeline.say("connector", "later")
        timeline.print_due()
        assert output.getvalue() == ""
        clock.set(START + HOLD)
        timeline.say("receiver", "sooner", at=START - HOLD)
        timeline.print_due()

        words = output.getvalue().split()
    assert words.index("sooner") < words.index("later")
    assert words.count("later") == 1


def test_a_step_is_held_like_the_lines_around_it() -> None:
    clock = FakeClock()
    timeline, output = plain_timeline(clock)

    with timeline.holding():
        clock.set(START + timedelta(seconds=2))
        timeline.step(2, "second")
        timeline.say("receiver", "first", at=START + timedelta(seconds=1))

    assert output.getvalue().index("first") < output.getvalue().index("second")
