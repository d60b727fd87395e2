"""How messages get in: numbered, no duplicates, scheduled or active, and on a topic once for each subscription."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.messaging.embedded import statements as sql
from shared.messaging.embedded.counting import Tally
from shared.messaging.embedded.envelope import Envelope
from shared.messaging.embedded.namespace import Source, Target
from shared.messaging.embedded.schema import State
from shared.messaging.embedded.sequence import SequenceNumbers
from shared.messaging.embedded.signals import Place, Signals
from shared.messaging.embedded.subscription_rules import SubscriptionRules
from shared.sql.database import Transaction

SESSION_ID_IS_NULL = "Session ID is null"
HEADER_SIZE_EXCEEDED = "HeaderSizeExceeded"
LIFETIME = 100 * 365 * 24 * 3600 * 1_000_000
"""Who lives longer than a century lives for ever: some say `never` by the longest time that they can write."""

FORGET_AFTER = 10_000_000
"""Ids that ended their window are forgotten some time later, many at once; they are duplicates of nothing meanwhile."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Messages for one entity, sent at `now`."""

    target: Target
    envelopes: Sequence[Envelope]
    now: int


class Sending:
    """Used on the event loop, where transactions run."""

    def __init__(
        self, numbers: SequenceNumbers, rules: SubscriptionRules, signals: Signals
    ) -> None:
        self._numbers = numbers
        self._rules = rules
        self._signals = signals

    def insert(self, tx: Transaction, parcels: Sequence[Parcel]) -> list[list[int]]:
        """Store every message; returns the sequence numbers of each parcel.

        Raises QuotaExceededError.
        """
        insertion = Insertion()
        numbers = []
        for parcel in parcels:
            target, now = parcel.target, parcel.now
            numbers.append(
                [self._send(tx, insertion, target, one, now) for one in parcel.envelopes]
            )
        limits = {parcel.target.path: parcel.target.max_size for parcel in parcels}
        insertion.write(tx, self._signals, limits)
        return numbers

    def copy(
        self, tx: Transaction, insertion: "Insertion", target: Target, envelope: Envelope, now: int
    ) -> None:
        """Give the topic's subscriptions the copies that their rules make."""
        time_to_live = shortest(envelope.time_to_live, target.time_to_live)
        for copy in self._rules.copies(tx, target, envelope):
            number = self._numbers.take(tx, 1)
            if copy.fault is not None:
                why = (HEADER_SIZE_EXCEEDED, copy.fault)
                insertion.add_letter(copy.source, number, copy.envelope, now, why)
            else:
                insertion.add(copy.source, number, copy.envelope, now, time_to_live)

    def effort(self, tx: Transaction, target: Target) -> int:
        """Return how many rules the topic's subscriptions have; no message makes more copies."""
        return self._rules.count(tx, target)

    def _send(
        self, tx: Transaction, insertion: "Insertion", target: Target, envelope: Envelope, now: int
    ) -> int:
        number = self._numbers.take(tx, 1)
        if target.duplicate_window is not None and envelope.message_id is not None:
            until = now + target.duplicate_window
            if is_known(tx, target.path, envelope.message_id, until, now):
                return number
            insertion.instants.append(until + FORGET_AFTER)
        if envelope.due is not None and envelope.due > now:
            insertion.schedule(target, number, envelope, now)
        elif target.is_topic:
            self.copy(tx, insertion, target, envelope, now)
        else:
            insertion.add(target.sources[0], number, envelope, now, envelope.time_to_live)
        return number


@dataclass(slots=True)
class Insertion:
    """The rows that one call inserts."""

    rows: list[tuple[object, ...]] = field(default_factory=list)
    bodies: list[tuple[object, ...]] = field(default_factory=list)
    letters: list[tuple[object, ...]] = field(default_factory=list)
    places: set[Place] = field(default_factory=set)
    instants: list[int] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)

    def schedule(self, target: Target, number: int, envelope: Envelope, now: int) -> None:
        due = envelope.due
        assert due is not None
        # From here on the instant says both when the message expires and for how long it lives.
        expires_at = expiry(due, shortest(envelope.time_to_live, target.time_to_live))
        session = envelope.session_id if target.requires_session else None
        self._append(
            (target.path, number, State.SCHEDULED, due, now, envelope.size, session, expires_at),
            envelope,
        )
        self.instants.append(due)
        self.tally.add(target.path, scheduled=1)
        self.tally.add_size(target.path, envelope.size)

    def add(
        self, source: Source, number: int, envelope: Envelope, now: int, time_to_live: int | None
    ) -> None:
        path, session, expires_at = source.path, None, None
        if source.requires_session:
            session = envelope.session_id
            if not session:  # of a message to a topic; to a queue it would have been refused
                description = (
                    f"{source.path!r} requires sessions, and the message has no session id"
                )
                self.add_letter(source, number, envelope, now, (SESSION_ID_IS_NULL, description))
                return
        if time_to_live is not None or source.time_to_live is not None:
            expires_at = expiry(now, shortest(time_to_live, source.time_to_live))
            if expires_at is not None:
                self.instants.append(expires_at)
        self._append(
            (path, number, State.ACTIVE, None, now, envelope.size, session, expires_at), envelope
        )
        self.places.add((path, session))
        self.tally.add(path, active=1)
        self.tally.add_size(source.owner, envelope.size)

    def write(
        self, tx: Transaction, signals: Signals, limits: dict[str, int] | None = None
    ) -> None:
        tx.driver.executemany(sql.INSERT, self.rows)
        tx.driver.executemany(sql.INSERT_BODY, self.bodies)
        if self.letters:
            tx.driver.executemany(sql.SAY_WHY, self.letters)
        self.tally.write(tx.driver, limits)
        signals.after(tx, self.places, min(self.instants, default=None))

    def add_letter(
        self, source: Source, number: int, envelope: Envelope, now: int, why: tuple[str, str]
    ) -> None:
        """Put it into the dead-letter queue; `why` is reason and description."""
        path = source.dead_letter_path
        assert path is not None
        self._append((path, number, State.ACTIVE, None, now, envelope.size, None, None), envelope)
        self.letters.append((*why, path, number))
        self.places.add((path, None))
        self.tally.add(path, active=1)
        self.tally.add_size(source.owner, envelope.size)

    def _append(self, row: tuple[object, ...], envelope: Envelope) -> None:
        self.rows.append(row)
        self.bodies.append(
            (
                row[1],
                envelope.form,
                envelope.payload,
                envelope.message_id,
                envelope.session_id,
                envelope.attributes,
            )
        )


def is_known(tx: Transaction, path: str, message_id: str, until: int, now: int) -> bool:
    """Remember the message's id until then, unless it is already."""
    remembered = tx.driver.execute(sql.REMEMBER, (path, message_id, until, now))
    return bool(remembered.rowcount == 0)


def shortest(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def expiry(start: int, time_to_live: int | None) -> int | None:
    if time_to_live is None or time_to_live > LIFETIME:
        return None
    return start + time_to_live
