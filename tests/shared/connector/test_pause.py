from datetime import UTC, datetime, timedelta

from shared.connector.pause import Pause

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_calls_are_made_while_nothing_refuses_them() -> None:
    assert Pause().admit(now=NOW) is None


def test_refusal_holds_everybody_back_and_says_why() -> None:
    pause = Pause()

    until = pause.begin("refused", now=NOW)

    assert until == NOW + 5 * SECOND
    assert pause.admit(now=NOW + SECOND) == until
    assert (pause.reason, pause.since) == ("refused", NOW)


def test_one_call_at_a_time_finds_out() -> None:
    pause = Pause()
    until = pause.begin("refused", now=NOW)

    assert pause.admit(now=until) is None
    held_until = pause.admit(now=until)

    assert held_until == until + 10 * SECOND
    assert pause.begin("still", now=until + SECOND) == held_until


def test_waits_grow_up_to_a_minute() -> None:
    pause = Pause()
    now = pause.begin("refused", now=NOW)
    waits = []
    for _ in range(6):
        assert pause.admit(now=now) is None
        until = pause.begin("refused", now=now)
        waits.append((until - now) // SECOND)
        now = until

    assert waits == [10, 20, 40, 60, 60, 60]
    assert pause.since == NOW


def test_answer_ends_the_pause_and_the_next_begins_anew() -> None:
    pause = Pause()
    pause.begin("refused", now=NOW)

    pause.end()

    assert pause.admit(now=NOW) is None
    assert (pause.reason, pause.since) == (None, None)
    assert pause.begin("again", now=NOW + SECOND) == NOW + 6 * SECOND
