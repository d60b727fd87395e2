"""No call is more than a service takes, whatever the events; none is lost, none sent twice, none overtaken."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.aws.refusals import AwsCallError
from shared.events.sink import Delivered, HeldBack, NotDelivered, OutgoingEvent
from shared.events.sinks.aws import Refusal, Sending
from shared.events.sinks.calls import (
    Caps,
    Entry,
    attributes_size,
    fifo_id,
    message_attributes,
    message_entry,
    next_call,
    text_of,
)
from tests.contracts.event_sink import event_named

CAPS = Caps(entries=10, bytes=100, bytes_alone=120)
ENTRIES = st.lists(
    st.tuples(st.integers(1, 140), st.one_of(st.none(), st.sampled_from("abc"))), max_size=40
)
TRANSIENT, TOO_LARGE = "Throttled", "Too large"


class Script:
    """A service that says of each entry what a test wants."""

    name = "script"
    region = "nowhere"
    keeps_order = True
    caps = CAPS

    def __init__(self, refused: Mapping[int, str]) -> None:
        self.refused = refused

    def entry(self, position: int, event: OutgoingEvent) -> Entry:
        raise AssertionError("entries are given")

    def request(self, entries: Sequence[Entry]) -> tuple[str, Mapping[str, Any]]:
        raise AssertionError("nothing is sent")

    def refusals(
        self, entries: Sequence[Entry], answer: Mapping[str, Any]
    ) -> Mapping[int, Refusal]:
        return {
            entry.position: Refusal(code)
            for entry in entries
            if (code := self.refused.get(entry.position))
        }


def entries_of(shapes: Sequence[tuple[int, str | None]]) -> list[Entry]:
    return [
        Entry(position=position, size=size, content={}, group=group)
        for position, (size, group) in enumerate(shapes)
    ]


@given(ENTRIES)
def test_p10_a_call_never_exceeds_the_limits_of_the_service(
    shapes: list[tuple[int, str | None]],
) -> None:
    sending = Sending(Script({}), entries_of(shapes))

    while call := sending.next_call():
        groups = [entry.group for entry in call if entry.group is not None]
        assert len(call) <= CAPS.entries
        assert len(groups) == len(set(groups))
        size = sum(entry.size for entry in call)
        assert size <= (CAPS.bytes if len(call) > 1 else CAPS.bytes_alone)
        sending.note_answer(call, {})

    for (size, _), outcome in zip(shapes, sending.outcomes(), strict=True):
        if size > CAPS.bytes_alone:
            assert isinstance(outcome, NotDelivered)
            assert outcome.is_permanent
        else:
            assert outcome == Delivered()


@given(ENTRIES, st.dictionaries(st.integers(0, 39), st.sampled_from([TRANSIENT, TOO_LARGE])))
def test_p6_nothing_gets_past_what_must_come_first(
    shapes: list[tuple[int, str | None]], refused: dict[int, str]
) -> None:
    entries = entries_of(shapes)
    sending = Sending(Script(refused), entries)
    sent: list[Entry] = []

    while call := sending.next_call():
        sent += call
        sending.note_answer(call, {})

    assert len({entry.position for entry in sent}) == len(sent)
    outcomes = sending.outcomes()
    for group in "abc":
        positions = [entry.position for entry in sent if entry.group == group]
        assert positions == sorted(positions)
        members = [outcomes[entry.position] for entry in entries if entry.group == group]
        failures = [at for at, one in enumerate(members) if is_due_again(one)]
        if failures:
            assert len(failures) == 1
            later = members[failures[0] + 1 :]
            assert all(one == HeldBack() or is_permanent(one) for one in later)
        else:
            assert HeldBack() not in members


@given(ENTRIES, st.integers(0, 5))
def test_a_call_that_fails_as_a_whole_is_the_last(
    shapes: list[tuple[int, str | None]], before: int
) -> None:
    sending = Sending(Script({}), entries_of(shapes))
    for _ in range(before):
        if call := sending.next_call():
            sending.note_answer(call, {})
    call = sending.next_call()

    sending.note_failure(call, AwsCallError("here", "Timeout"))

    outcomes = sending.outcomes()
    if call:
        assert sending.next_call() == []
    assert all(outcomes[entry.position] == NotDelivered("here: Timeout") for entry in call)


def is_due_again(outcome: object) -> bool:
    return isinstance(outcome, NotDelivered) and not outcome.is_permanent


def is_permanent(outcome: object) -> bool:
    return isinstance(outcome, NotDelivered) and outcome.is_permanent


@given(ENTRIES)
def test_a_call_has_something_in_it_as_long_as_there_is_something(
    shapes: list[tuple[int, str | None]],
) -> None:
    entries = entries_of(shapes)

    assert bool(next_call(entries, CAPS)) is bool(entries)


@given(st.text(min_size=1))
def test_ids_of_fifo_queues_are_short_and_printable_and_follow_from_the_text(text: str) -> None:
    made = fifo_id(text.encode(errors="replace").decode())

    assert 1 <= len(made) <= 128
    assert made.isascii()
    assert made.isprintable()
    assert " " not in made


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_p10_a_text_holds_nothing_that_queues_refuse_and_still_means_the_same(name: str) -> None:
    raw = json.dumps({"id": "e", "type": "t", "source": "/", "data": name}, ensure_ascii=False)

    text = text_of(OutgoingEvent("e", "t", raw.encode()))

    assert json.loads(text) == json.loads(raw)
    assert not set(text) & {"\ufffe", "\uffff"}
    assert all(character >= " " for character in text)


def test_attributes_count_with_their_names_and_types() -> None:
    event = event_named("e1", subject="/\u00e9")

    entry = message_entry(0, event, member="Message", is_fifo=False)

    counted = sum(map(len, ("type", "source", "subject"))) + 3 * len("String") + len("t/s") + 3
    assert attributes_size(message_attributes(json.loads(event.structured))) == counted
    assert entry.size == len(event.structured) + counted
