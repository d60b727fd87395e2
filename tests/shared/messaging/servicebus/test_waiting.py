from datetime import timedelta
from uuid import UUID

from shared.messaging.message import Message, ReceivedMessage
from shared.messaging.servicebus.waiting import WORTH_DELIVERING, Line, Waiter
from tests.clocks import START

LATER = START + timedelta(minutes=1)
MOMENT = timedelta(microseconds=1)


def numbered(number: int) -> ReceivedMessage:
    return ReceivedMessage(
        message=Message(body=b""),
        sequence_number=number,
        enqueued_time=START,
        delivery_count=1,
        lock_token=UUID(int=number),
        locked_until=LATER,
    )


def numbers(waiter: Waiter) -> list[int] | None:
    if not waiter.received.done():
        return None
    return [message.sequence_number for message in waiter.received.result()]


async def test_who_waits_longest_gets_as_many_as_wanted() -> None:
    line, first, second = Line(), Waiter(2), Waiter(2)
    line.join(first, now=START)
    line.join(second, now=START)
    assert (line.waiters, line.demand) == ([first, second], 4)

    line.arrived([numbered(1), numbered(2), numbered(3)])

    assert (numbers(first), numbers(second)) == ([1, 2], [3])
    assert (line.waiters, line.demand) == ([], 0)


async def test_what_comes_for_nobody_waits_for_somebody() -> None:
    line, waiter = Line(), Waiter(5)
    line.arrived([numbered(1), numbered(2)])

    line.join(waiter, now=START)

    assert numbers(waiter) == [1, 2]


async def test_what_is_about_to_end_is_delivered_to_nobody() -> None:
    line, first, second = Line(), Waiter(1), Waiter(1)
    line.arrived([numbered(1), numbered(2)])

    line.join(first, now=LATER - WORTH_DELIVERING)
    line.join(second, now=LATER - WORTH_DELIVERING + MOMENT)

    assert (numbers(first), numbers(second)) == ([1], None)
    assert line.take_all() == []


async def test_what_was_not_taken_goes_to_the_next_and_first() -> None:
    line, gone, other = Line(), Waiter(2), Waiter(3)
    line.join(gone, now=START)
    line.arrived([numbered(1), numbered(2), numbered(3)])

    line.take_from(gone)
    line.join(other, now=START)

    assert numbers(other) == [1, 2, 3]


async def test_nothing_is_delivered_to_who_has_left_or_was_told_to_go() -> None:
    line, left, ended, failed, waiting = Line(), Waiter(1), Waiter(1), Waiter(1), Waiter(1)
    for waiter in (left, ended, failed, waiting):
        line.join(waiter, now=START)
    line.leave(left)
    ended.end()
    failed.fail(ValueError("no"))

    line.arrived([numbered(1)])

    assert (numbers(left), numbers(ended), numbers(waiting)) == (None, [], [1])
    assert isinstance(failed.received.exception(), ValueError)


async def test_who_has_messages_keeps_them() -> None:
    line, waiter = Line(), Waiter(1)
    line.join(waiter, now=START)
    line.arrived([numbered(1)])

    waiter.end()
    waiter.fail(ValueError("no"))
    line.leave(waiter)

    assert numbers(waiter) == [1]


async def test_what_came_for_nobody_can_be_taken_once() -> None:
    line = Line()
    line.arrived([numbered(1)])

    assert [message.sequence_number for message in line.take_all()] == [1]
    assert line.take_all() == []


async def test_nothing_is_taken_from_who_has_nothing() -> None:
    line, waiting, failed, cancelled = Line(), Waiter(1), Waiter(1), Waiter(1)
    failed.fail(ValueError("no"))
    cancelled.received.cancel()

    for waiter in (waiting, failed, cancelled):
        line.take_from(waiter)

    assert line.take_all() == []
