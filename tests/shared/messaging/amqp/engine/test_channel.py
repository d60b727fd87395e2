from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.messaging.amqp.codec.faults import SessionFaultError
from shared.messaging.amqp.codec.performatives import (
    RECEIVER,
    Accepted,
    Begin,
    Disposition,
    Error,
    Flow,
    Outcome,
    Performative,
    Rejected,
    Released,
)
from shared.messaging.amqp.engine.channel import (
    HALF,
    MODULUS,
    MOST_UNSETTLED,
    WINDOW,
    Channel,
    Outcomes,
    known_between,
    serial_distance,
)
from shared.messaging.amqp.engine.writer import FrameWriter

OUTCOMES: list[Outcome] = [Accepted(), Released(), Rejected(Error("test:error"))]
serials = st.integers(0, MODULUS - 1)
near_the_end = st.integers(-25, 25).map(lambda number: number % MODULUS)


def told(settled: list[tuple[int, Outcome]]) -> list[Disposition]:
    """Return the frames in which the outcomes are told."""
    frames: list[Performative] = []
    outcomes = Outcomes(RECEIVER, frames.append, FrameWriter())
    for delivery_id, outcome in settled:
        outcomes.add(delivery_id, outcome)
    outcomes.write()
    assert all(isinstance(frame, Disposition) for frame in frames)
    return [frame for frame in frames if isinstance(frame, Disposition)]


@given(earlier=serials, distance=st.integers(0, HALF - 1))
def test_serial_numbers_wrap(earlier: int, distance: int) -> None:
    assert serial_distance((earlier + distance) % MODULUS, earlier) == distance


@given(later=serials, distance=st.integers(1, HALF))
def test_what_is_behind_has_no_distance(later: int, distance: int) -> None:
    assert serial_distance(later, (later + distance) % MODULUS) == 0


@given(st.dictionaries(st.integers(0, 50), st.sampled_from(OUTCOMES)))
def test_every_outcome_is_told_once_in_as_few_frames_as_can_be(
    outcomes: dict[int, Outcome],
) -> None:
    frames = told(list(outcomes.items()))

    spread = {
        delivery_id: frame.state
        for frame in frames
        for delivery_id in range(frame.first, (frame.last or 0) + 1)
    }
    assert spread == outcomes
    assert all(frame.settled and frame.role is RECEIVER for frame in frames)
    assert not any(
        one.last == other.first - 1 and one.state == other.state for one, other in pairwise(frames)
    )


def test_more_transfers_than_the_window_are_a_violation() -> None:
    # Over a socket this takes a peer that is faster than the flows which open the window anew.
    channel: Channel[object] = Channel(1, Begin(None, 0, 1, 1), FrameWriter(), max_frame_size=512)
    for _ in range(WINDOW):
        channel.received()

    with pytest.raises(SessionFaultError) as violation:
        channel.received()
    assert violation.value.error.condition == "amqp:session:window-violation"

    channel.send_flow()
    channel.received()


@given(serials, st.integers(0, MODULUS - 1))
def test_the_peers_window_counts_from_what_it_has_seen(window: int, seen: int) -> None:
    channel: Channel[object] = Channel(1, Begin(None, 0, 5, 5), FrameWriter(), max_frame_size=512)
    for _ in range(3):
        channel.deliver(object(), 0, b"x", tag=b"t", is_settled=True)

    channel.flowed(Flow(seen, window, 0, 5))

    unseen = 3 - seen if seen <= 3 else 0
    behind = serial_distance(3, seen)
    assert channel.room == min(max(0, window - behind), MOST_UNSETTLED)
    assert behind == unseen or seen > HALF


def test_what_a_link_leaves_unsettled_takes_no_room() -> None:
    channel: Channel[object] = Channel(
        1, Begin(None, 0, 20_000, 5), FrameWriter(), max_frame_size=512
    )
    gone, other = object(), object()
    for owner in (gone, other, gone):
        channel.deliver(owner, 0, b"x", tag=b"t", is_settled=False)

    channel.forget(gone)

    assert channel.room == MOST_UNSETTLED - 1
    assert list(channel.settled(0, 2)) == [(1, other, b"t")]


def test_deliveries_that_are_forgotten_make_room() -> None:
    channel: Channel[object] = Channel(
        1, Begin(None, 0, 20_000, 5), FrameWriter(), max_frame_size=512
    )
    one, other = object(), object()
    told: list[int] = []
    channel.has_room_again = lambda: told.append(channel.room)
    for number in range(MOST_UNSETTLED):
        owner = one if number % 2 else other
        channel.deliver(owner, 0, b"x", tag=number.to_bytes(2), is_settled=False)

    channel.forget_deliveries(one, {(1).to_bytes(2), (2).to_bytes(2), (3).to_bytes(2)})
    channel.forget_deliveries(other, {(2).to_bytes(2)})

    assert told == [2]
    assert channel.room == 3
    assert [number for number, *_ in channel.settled(0, 5)] == [0, 4, 5]


def test_of_what_an_owner_wants_said_after_transfers_the_last_is_said() -> None:
    channel: Channel[str] = Channel(1, Begin(None, 0, 0, 5), FrameWriter(), max_frame_size=512)
    channel.deliver("one", 0, b"x", tag=b"t", is_settled=True)
    said: list[str] = []

    for number in range(3):
        channel.after_transfers("one", partial(said.append, f"one {number}"))
        channel.after_transfers("other", partial(said.append, f"other {number}"))
    channel.flowed(Flow(0, 9, 0, 5))

    assert said == ["one 2", "other 2"]


@given(st.sets(near_the_end, max_size=20), near_the_end, near_the_end)
def test_numbers_are_found_in_ranges_across_the_end(known: set[int], first: int, last: int) -> None:
    inside, number = {first}, first
    while number != last:
        number = (number + 1) % MODULUS
        inside.add(number)
        if len(inside) > 60:  # all the way around, of which the known ones are near the end
            inside = {near for near in known if not is_between(near, last, first)}
            break

    found = known_between(known, first, last)

    assert len(found) == len(set(found))
    assert set(found) == known & inside


def is_between(number: int, after: int, before: int) -> bool:
    """Tell whether a number of those near the end lies strictly inside a short gap."""
    position = (number - after) % MODULUS
    return 0 < position < (before - after) % MODULUS
