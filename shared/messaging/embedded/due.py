"""What happens at an instant: scheduled messages become active, locks end, messages expire, ids are forgotten."""

from collections.abc import Sequence
from typing import Any

from shared.errors import NotFoundError
from shared.messaging.embedded import statements as sql
from shared.messaging.embedded.counting import Tally
from shared.messaging.embedded.envelope import Envelope, Form
from shared.messaging.embedded.namespace import Namespace
from shared.messaging.embedded.schema import UNTIL_RELEASED, State
from shared.messaging.embedded.sending import FORGET_AFTER, Insertion, Sending
from shared.messaging.embedded.sequence import SequenceNumbers
from shared.messaging.embedded.settling import Settling
from shared.messaging.embedded.signals import Signals
from shared.sql.database import Transaction

AT_ONCE = 500

DueRow = tuple[Any, ...]


class DueWork:
    """One transaction does no more than so many of each; `run` says when to come back."""

    def __init__(
        self,
        namespace: Namespace,
        numbers: SequenceNumbers,
        signals: Signals,
        *,
        sending: Sending,
        settling: Settling,
    ) -> None:
        self._namespace = namespace
        self._numbers = numbers
        self._signals = signals
        self._sending = sending
        self._settling = settling

    def run(self, tx: Transaction, now: int) -> int | None:
        """Returns the next instant that something waits for."""
        self._activate(tx, now)
        self._settling.expire(tx, until=now, at_once=AT_ONCE)
        expired = tx.driver.execute(sql.EXPIRED, (now, AT_ONCE)).fetchall()
        self._settling.let_go(tx, expired, State.ACTIVE)
        self._forget_duplicates(tx, now)
        return earliest(tx)

    def free_sessions(self, tx: Transaction) -> int:
        """Give back what was delivered in sessions, since their locks were in the memory of a dead process."""
        return self._settling.free_sessions(tx, at_once=AT_ONCE)

    def free_locks(self, tx: Transaction) -> int:
        """End every lock, since whoever held them is dead."""
        freed = 0
        while count := self._settling.expire(tx, until=UNTIL_RELEASED, at_once=AT_ONCE):
            freed += count
        return freed

    def cancel(self, tx: Transaction, path: str, numbers: Sequence[int]) -> None:
        """Raises NotFoundError when one of them is not scheduled."""
        tally = Tally()
        for number in numbers:
            rows = tx.driver.execute(sql.CANCEL, (path, number)).fetchall()
            if not rows:
                raise NotFoundError(
                    f"{path!r} has no scheduled message {number}", code="MessageNotFound"
                )
            tally.add(path, scheduled=-1)
            tally.add_size(path, -rows[0][0])
        tx.driver.executemany(sql.DELETE_BODY, [(number,) for number in numbers])
        tally.write(tx.driver)

    def _activate(self, tx: Transaction, now: int) -> None:
        rows = tx.driver.execute(sql.DUE, (now, AT_ONCE)).fetchall()
        insertion, effort = Insertion(), 0
        for row in rows:
            if effort >= AT_ONCE:  # the others are found again at once
                break
            effort += 1
            target = self._namespace.targets.get(row[0])
            if target is not None and target.is_topic:
                effort += self._sending.effort(tx, target)
                self._fan_out(tx, insertion, row, now)
            else:
                self._renumber(tx, insertion, row, now)
        insertion.write(tx, self._signals)

    def _renumber(self, tx: Transaction, insertion: Insertion, row: DueRow, now: int) -> None:
        """An activated message has a number of its own (facts, trap 9), so that it comes after what was sent before."""
        path, scheduled, until, session, expires_at, _ = row
        number = self._numbers.take(tx, 1)
        if expires_at is not None:
            expires_at += now - until
            insertion.instants.append(expires_at)
        tx.driver.execute(sql.ACTIVATE, (number, now, expires_at, path, scheduled))
        tx.driver.execute(sql.RENUMBER_BODY, (number, scheduled))
        insertion.tally.add(path, scheduled=-1, active=1)
        insertion.places.add((path, session))

    def _fan_out(self, tx: Transaction, insertion: Insertion, row: DueRow, now: int) -> None:
        path, scheduled, until, _, expires_at, size = row
        ((form, body, attributes, message_id, session_id),) = tx.driver.execute(
            sql.BODY, (scheduled,)
        ).fetchall()
        envelope = Envelope(
            form=Form(form),
            payload=body,
            size=size,
            attributes=attributes,
            message_id=message_id,
            session_id=session_id,
            time_to_live=None if expires_at is None else expires_at - until,
        )
        self._sending.copy(tx, insertion, self._namespace.targets[path], envelope, now)
        tx.driver.execute(sql.FORGET, (path, scheduled))
        tx.driver.execute(sql.DELETE_BODY, (scheduled,))
        insertion.tally.add(path, scheduled=-1)
        insertion.tally.add_size(path, -size)

    def _forget_duplicates(self, tx: Transaction, now: int) -> None:
        ids = tx.driver.execute(sql.OLD_DUPLICATES, (now - FORGET_AFTER, AT_ONCE)).fetchall()
        tx.driver.executemany(sql.FORGET_DUPLICATE, ids)


def earliest(tx: Transaction) -> int | None:
    """Return the next instant that anything stored waits for."""
    instants = []
    for state in (State.LOCKED, State.SCHEDULED, State.DEFERRED_LOCKED):
        instants += tx.driver.execute(sql.EARLIEST, (state,)).fetchall()
    instants += tx.driver.execute(sql.EARLIEST_EXPIRY).fetchall()
    for (until,) in tx.driver.execute(sql.EARLIEST_DUPLICATE).fetchall():
        instants.append((until + FORGET_AFTER,))
    return min((one for (one,) in instants if one != UNTIL_RELEASED), default=None)
