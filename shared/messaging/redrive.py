"""Dead letters, moved back to where they came from or removed for good.

A broker knows one way to a dead letter: to receive those before it too. So what is not chosen is held under its lock
meanwhile, and given back at the end; letters that somebody else holds are passed over.
"""

import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.errors import MessageLockLostError
from shared.messaging.broker import Broker
from shared.messaging.message import ReceivedMessage

AT_ONCE = 50
MOST_PASSED_OVER = 10_000
"""As many letters that are not chosen are held at most."""
LONGEST_ID = 128
NO_WAIT = timedelta(0)
SUBSCRIPTION = re.compile("/subscriptions/", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which dead letters are meant: those of some numbers, those enqueued before an instant, or all there are."""

    sequence_numbers: frozenset[int] | None = None
    before: datetime | None = None

    def includes(self, letter: ReceivedMessage) -> bool:
        """Say whether this letter is meant."""
        is_named = self.sequence_numbers is None or letter.sequence_number in self.sequence_numbers
        return is_named and (self.before is None or letter.enqueued_time < self.before)

    def may_come_after(self, letter: ReceivedMessage) -> bool:
        """Say whether a letter that is meant may be newer than this one, the newest seen."""
        if self.before is not None and letter.enqueued_time >= self.before:
            return False
        return self.sequence_numbers is None or letter.sequence_number < max(self.sequence_numbers)


EVERYTHING = Choice()


async def redrive(
    broker: Broker, entity: str, *, limit: int, choice: Choice = EVERYTHING
) -> list[int]:
    """Move up to `limit` dead letters of a queue or subscription back, oldest first; returns their numbers.

    Those of a subscription go to its topic, since nothing can be sent to a subscription: every one whose rules they
    match gets them. A copy is sent before its letter is completed, so a crash doubles one and loses none. It has the
    old id, and where there was none, the one under which the connector knows the letter: a command that had taken
    effect before it was given up takes none again while that id is known (DESIGN P4).
    """
    target = SUBSCRIPTION.split(entity)[0]

    async def move(letter: ReceivedMessage) -> None:
        known_as = f"{target.lower()}/{letter.sequence_number}"[-LONGEST_ID:]
        message_id = letter.message.message_id or known_as
        copy = replace(letter.message, message_id=message_id, scheduled_enqueue_time=None)
        await broker.send(target, [copy])

    return await _complete_each(broker, entity, move, limit=limit, choice=choice)


async def purge(
    broker: Broker, entity: str, *, limit: int, choice: Choice = EVERYTHING
) -> list[int]:
    """Remove up to `limit` dead letters of a queue or subscription for good, oldest first; returns their numbers."""

    async def forget(letter: ReceivedMessage) -> None:
        """There is nothing to do before a letter is completed."""

    return await _complete_each(broker, entity, forget, limit=limit, choice=choice)


async def _complete_each(
    broker: Broker,
    entity: str,
    first: Callable[[ReceivedMessage], Awaitable[None]],
    *,
    limit: int,
    choice: Choice,
) -> list[int]:
    receiver = broker.receiver(f"{entity}/$DeadLetterQueue")
    completed: list[int] = []
    passed_over: list[ReceivedMessage] = []
    try:
        while len(completed) < limit and len(passed_over) < MOST_PASSED_OVER:
            # No more than are wanted: what was received and not settled would be locked for a minute.
            wanted = min(limit - len(completed), AT_ONCE)
            letters = await receiver.receive(max_messages=wanted, max_wait=NO_WAIT)
            for letter in letters:
                if not choice.includes(letter):
                    passed_over.append(letter)
                    continue
                await first(letter)
                await receiver.complete(letter)
                completed.append(letter.sequence_number)
            if not letters or not choice.may_come_after(letters[-1]):
                break
    finally:
        for letter in passed_over:
            with suppress(MessageLockLostError):
                await receiver.abandon(letter)
    return completed
