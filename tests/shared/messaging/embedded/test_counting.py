"""Counters are kept in every transaction, so that they are right after any sequence of calls."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Connection

from shared.clock import to_microseconds
from shared.errors import QuotaExceededError, TocsinError
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.embedded.counting import Tally, count
from shared.messaging.embedded.envelope import Delivery, EntityCounts, Envelope
from shared.messaging.entities import (
    NamespaceDescription,
    QueueDescription,
    SubscriptionDescription,
    TopicDescription,
)
from shared.messaging.rules import RuleDescription, SqlFilter
from shared.sql.database import Database, Transaction
from shared.sql.inline import InlineDatabase
from tests.clocks import FakeClock, settle
from tests.shared.messaging.embedded.cores import NO_WAIT, letter, make_core

SHORT = timedelta(seconds=20)
QUEUE, TOPIC = "q", "t"
SOURCES = (QUEUE, "q/$DeadLetterQueue", "t/Subscriptions/all", "t/Subscriptions/some")
ODD = (RuleDescription("odd", SqlFilter("number % 2 = 1")),)
DESCRIPTION = NamespaceDescription(
    name="n",
    queues=(
        QueueDescription(
            name=QUEUE,
            max_delivery_count=2,
            lock_duration=SHORT,
            dead_lettering_on_message_expiration=True,
            duplicate_detection_window=SHORT,
            max_size=2000,
        ),
    ),
    topics=(
        TopicDescription(
            name=TOPIC,
            subscriptions=(
                SubscriptionDescription(name="all", lock_duration=SHORT),
                SubscriptionDescription(
                    name="some", rules=ODD, default_message_time_to_live=SHORT * 2
                ),
            ),
        ),
    ),
)
COUNTED = """
SELECT coalesce(sum(state IN (0, 1)), 0), coalesce(sum(state = 2), 0),
  coalesce(sum(state IN (3, 4)), 0)
FROM message WHERE entity = ?"""
SIZE = "SELECT coalesce(sum(size), 0) FROM message WHERE entity = ? OR entity LIKE ? || '/%'"


class Caller:
    """Does things at random."""

    def __init__(self, core: BrokerCore, clock: FakeClock, random: Random) -> None:
        self._core = core
        self._clock = clock
        self._random = random
        self._held: list[tuple[str, Delivery]] = []
        self._deferred: list[tuple[str, int]] = []
        self._scheduled: list[tuple[str, int]] = []

    async def step(self) -> None:
        steps: list[Callable[[], Awaitable[None]]] = [
            self._send,
            self._schedule,
            self._lock,
            self._settle,
            self._settle,
            self._fetch,
            self._cancel,
            self._pass_time,
        ]
        with suppress(TocsinError):
            await self._random.choice(steps)()

    def _envelope(self) -> Envelope:
        number = self._random.randrange(100)
        envelope = letter("x" * number, number=number)
        envelope.message_id = self._random.choice([None, str(number)])
        envelope.time_to_live = self._random.choice([None, 5_000_000, 50_000_000])
        return envelope

    async def _send(self) -> None:
        envelopes = [self._envelope() for _ in range(self._random.randint(1, 4))]
        await self._core.send(self._random.choice([QUEUE, TOPIC]), envelopes)

    async def _schedule(self) -> None:
        envelope, entity = self._envelope(), self._random.choice([QUEUE, TOPIC])
        envelope.due = to_microseconds(self._clock.now() + self._random.randint(1, 60) * SHORT / 20)
        self._scheduled += [
            (entity, number) for number in await self._core.send(entity, [envelope])
        ]

    async def _lock(self) -> None:
        path = self._random.choice(SOURCES)
        found = await self._core.lock(path, max_messages=3, max_wait=NO_WAIT)
        self._held += [(path, delivery) for delivery in found]

    async def _settle(self) -> None:
        if not self._held:
            return
        path, delivery = self._held.pop(self._random.randrange(len(self._held)))
        token = delivery.lock_token
        settle = self._random.choice(
            [self._core.complete, self._core.abandon, self._core.release, self._core.defer, None]
        )
        if settle is None:
            await self._core.dead_letter(path, token, reason="r", description="d")
        else:
            await settle(path, token)
        if settle == self._core.defer:
            self._deferred.append((path, delivery.sequence_number))

    async def _fetch(self) -> None:
        if self._deferred:
            path, number = self._random.choice(self._deferred)
            found = await self._core.receive_deferred(path, [number])
            self._held += [(path, delivery) for delivery in found]

    async def _cancel(self) -> None:
        if self._scheduled:
            entity, number = self._random.choice(self._scheduled)
            await self._core.cancel_scheduled(entity, [number])

    async def _pass_time(self) -> None:
        await settle()
        await self._clock.advance(self._random.randint(1, 20) * SHORT / 20)


def counted(connection: Connection) -> list[EntityCounts]:
    """Count what the core keeps count of."""
    found = []
    for path in (QUEUE, TOPIC, "t/subscriptions/all", "t/subscriptions/some"):
        active, scheduled, deferred = connection.exec_driver_sql(COUNTED, (path,)).one()
        letters = connection.exec_driver_sql(COUNTED, (f"{path}/$deadletterqueue",)).one()
        owner = path.split("/")[0]
        found.append(
            EntityCounts(
                path=path,
                active=active,
                scheduled=scheduled,
                deferred=deferred,
                dead_lettered=letters[0] + letters[2],
                size=connection.exec_driver_sql(SIZE, (owner, owner)).scalar_one(),
            )
        )
    return found


async def compare(path: Path, seed: int) -> int:
    """Return how many messages there are in the end."""
    database: Database = InlineDatabase(path)
    clock = FakeClock()
    core = make_core(database, clock, DESCRIPTION)
    await core.open()
    caller = Caller(core, clock, Random(seed))
    for _ in range(150):
        await caller.step()
    await settle()
    kept = await core.counts()
    assert kept == await database.read(counted)
    await core.close()
    await database.close()
    return sum(one.active + one.scheduled + one.deferred + one.dead_lettered for one in kept)


@pytest.mark.parametrize("seed", range(8))
async def test_counters_say_what_is_stored_whatever_was_done(path: Path, seed: int) -> None:
    assert await compare(path, seed) > 0


async def test_refused_send_counts_nothing(database: Database, clock: FakeClock) -> None:
    core = make_core(database, clock, DESCRIPTION)
    large = letter("x" * 900)

    outcomes = await asyncio.gather(
        *(core.send(QUEUE, [large]) for _ in range(5)), return_exceptions=True
    )

    assert sum(isinstance(outcome, TocsinError) for outcome in outcomes) == 3
    assert await core.counts() == await database.read(counted)
    await core.close()


def grow(size: int, limits: dict[str, int] | None) -> Callable[[Transaction], None]:
    tally = Tally()
    tally.add_size(QUEUE, size)
    return lambda tx: tally.write(tx.driver, limits)


@pytest.mark.parametrize("stored", [0, 600])
async def test_entity_is_filled_up_to_its_limit_and_not_beyond(
    database: Database, stored: int
) -> None:
    limits = {QUEUE: 1000}
    if stored:
        await database.run(grow(stored, limits))

    with pytest.raises(QuotaExceededError):
        await database.run(grow(1001 - stored, limits))
    await database.run(grow(1000 - stored, limits))
    await database.run(grow(1, None))
    await database.run(grow(-500, None))

    assert await database.read(lambda connection: count(connection, QUEUE)) == (0, 0, 0, 501)
