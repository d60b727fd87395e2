import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from shared.clock import SystemClock
from shared.events.cloudevent import CloudEvent
from shared.events.log import LOOKED_AT, MOST_DELIVERIES, EventLog
from shared.messaging.steps import AT_ONCE
from shared.messaging.wake_up import WakeUp
from shared.sql.database import Database, GroupWork, Item, Transaction, Value
from shared.sql.sqlite import SqliteDatabase
from tests.clocks import FakeClock
from tests.contracts.event_sink import Behaviour
from tests.shared.events.memory_sink import MemorySink
from tests.shared.events.world import World, an_event, assemble, migrated


async def test_an_event_without_a_number_is_read_by_nobody(world: World) -> None:
    await world.insert(an_event("e1"))

    assert await world.log.read(since=0, limit=10) == []


async def test_published_events_are_read_in_the_order_of_insertion(world: World) -> None:
    await world.publish(an_event("e1"), an_event("e2"))
    await world.publish(an_event("e3"))

    read = await world.log.read(since=0, limit=10)

    assert [(one.number, one.event.id) for one in read] == [(1, "e1"), (2, "e2"), (3, "e3")]


async def test_reading_goes_on_behind_a_number_up_to_a_limit(world: World) -> None:
    await world.publish(*(an_event(f"e{count}") for count in range(1, 6)))

    read = await world.log.read(since=2, limit=2)

    assert [one.number for one in read] == [3, 4]


async def test_the_sequence_travels_with_the_event_and_sorts_as_text(world: World) -> None:
    await world.publish(*(an_event(f"e{count}") for count in range(12)))

    read = await world.log.read(since=0, limit=20)

    sequences = [str(one.event.extensions["sequence"]) for one in read]
    assert sequences == sorted(sequences)
    assert int(sequences[-1]) == 12


async def test_p2_the_same_id_is_inserted_once(world: World) -> None:
    def insert_twice(transaction: Transaction) -> tuple[bool, bool]:
        event = an_event("e1")
        return world.log.insert(transaction, event), world.log.insert(transaction, event)

    assert await world.database.run(insert_twice) == (True, False)
    assert await world.log.publish() == 1


async def test_an_event_of_a_transaction_that_fails_was_never_there(world: World) -> None:
    def insert_and_fail(transaction: Transaction) -> None:
        world.log.insert(transaction, an_event("e1"))
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await world.database.run(insert_and_fail)

    assert await world.log.publish() == 0


async def test_publishing_again_repeats_nothing(world: World) -> None:
    await world.subscribe()

    assert await world.publish(an_event("e1"), an_event("e2")) == 2
    assert await world.log.publish() == 0
    assert await world.statuses() == ["pending", "pending"]
    assert len(world.wakes.messages) == 1


async def test_more_than_a_batch_is_published_by_one_call(world: World) -> None:
    def insert_many(transaction: Transaction) -> None:
        for count in range(2500):
            world.log.insert(transaction, an_event(f"e{count}"))

    await world.database.run(insert_many)

    assert await world.log.publish() == 2500
    assert [one.number for one in await world.log.read(since=2498, limit=9)] == [2499, 2500]


async def test_callers_at_the_same_time_share_a_transaction_and_lose_nothing(
    tmp_path: Path,
) -> None:
    await migrated(tmp_path).close()
    database = SqliteDatabase(tmp_path / "tocsin.db", clock=SystemClock())
    world = assemble(database, FakeClock(), MemorySink().open)
    await world.subscribe()

    await asyncio.gather(*(world.publish(an_event(f"e{count}")) for count in range(100)))

    numbers = [one.number for one in await world.log.read(since=0, limit=200)]
    assert numbers == list(range(1, 101))
    assert await world.statuses() == ["pending"] * 100
    await database.close()


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["created", "failed", "other", "bare"]),
        ({"types": ["*"]}, ["created", "failed", "other", "bare"]),
        ({"types": ["tocsin.operation.failed"]}, ["failed"]),
        ({"types": ["tocsin.operation.*"]}, ["failed", "other"]),
        ({"types": ["tocsin.operation.*", "tocsin.operation.failed"]}, ["failed", "other"]),
        ({"types": ["tocsin.job.created", "tocsin.operation.failed"]}, ["created", "failed"]),
        ({"types": ["tocsin.history.*"]}, []),
        ({"subjectPrefix": "/CloudServices/CS1/"}, ["created", "failed"]),
        ({"subjectPrefix": "/cloudservices/cs2", "types": ["tocsin.*"]}, ["other"]),
        ({"subjectPrefix": "/cloudservices/cs"}, []),
        ({"data": [{"path": "$.name", "equals": "failed"}]}, ["failed"]),
        ({"data": [{"path": "$.name", "prefix": "o"}], "types": ["tocsin.*"]}, ["other"]),
        ({"data": [{"path": "$.none", "prefix": "o"}]}, []),
    ],
    ids=str,
)
async def test_filters_decide_by_type_and_subject(
    world: World, sink: MemorySink, filters: dict[str, object], expected: list[str]
) -> None:
    await world.subscribe(**filters)

    await world.publish(
        an_event("created", event_type="tocsin.job.created", subject="/cloudservices/cs1/a"),
        an_event("failed", event_type="tocsin.operation.failed", subject="/cloudservices/cs1/b"),
        an_event("other", subject="/cloudservices/cs2/c"),
        CloudEvent(id="bare", source="/s", type="other"),
    )
    await world.deliver_due()

    assert sink.attempts == expected


async def test_an_event_subscription_gets_what_is_published_after_it_was_made(
    world: World, sink: MemorySink
) -> None:
    await world.publish(an_event("before"))
    await world.subscribe()

    await world.publish(an_event("after"))
    await world.deliver_due()

    assert sink.attempts == ["after"]


async def test_one_wake_up_is_outstanding_at_most(world: World) -> None:
    await world.subscribe()

    for count in range(5):
        await world.publish(an_event(f"e{count}"))

    assert len(world.wakes.messages) == 1


async def test_p6_those_that_are_failing_are_woken_last(world: World, sink: MemorySink) -> None:
    failing = await world.subscribe()
    sink.behave(Behaviour.REFUSE)
    await world.publish(an_event("e1"))
    await world.deliver_due()
    well = await world.subscribe()
    world.wakes.messages.clear()

    await world.publish(an_event("e2"))

    assert [WakeUp.decode(one.body).id for one in world.wakes.messages] == [well, failing]


async def test_types_with_any_number_of_segments_are_looked_up(world: World) -> None:
    await world.subscribe()
    update = "UPDATE event_filter SET type = 'a.a.a.a.a.*'"
    await world.database.run(lambda transaction: transaction.connection.exec_driver_sql(update))

    types = {size: ".".join("a" * size) for size in (1, 3, 4, 9)}
    await world.publish(*(an_event(f"e{size}", event_type=types[size]) for size in types))

    assert await world.rows("SELECT number FROM delivery") == [(4,)]


async def test_events_older_than_thirty_days_are_dropped_with_their_deliveries(
    world: World,
) -> None:
    await world.subscribe()
    await world.publish(an_event("old"))
    world.clock.set(world.clock.now() + timedelta(days=1))
    await world.publish(an_event("young"))

    dropped = await world.log.prune(world.clock.now() + timedelta(days=29, seconds=1))

    assert dropped == 1
    assert [one.event.id for one in await world.log.read(since=0, limit=10)] == ["young"]
    assert await world.rows("SELECT number FROM delivery") == [(2,)]


async def test_events_are_kept_for_as_long_as_the_log_is_told(world: World) -> None:
    log = EventLog(world.database, world.clock, world.wakes, kept=timedelta(days=2))
    await world.publish(an_event("e1"))

    early = await log.prune(world.clock.now() + timedelta(days=2))
    late = await log.prune(world.clock.now() + timedelta(days=2, seconds=1))

    assert (early, late) == (0, 1)


async def test_everything_old_is_dropped_in_steps(world: World) -> None:
    await world.subscribe()
    await world.subscribe()
    await world.publish(*(an_event(f"e{number}") for number in range(AT_ONCE + 1)))

    dropped = await world.log.prune(world.clock.now() + timedelta(days=31))

    assert dropped == AT_ONCE + 1
    assert await world.rows("SELECT number FROM delivery") == []


async def test_numbers_go_on_after_everything_was_dropped(world: World) -> None:
    await world.publish(an_event("e1"), an_event("e2"))
    assert await world.log.prune(world.clock.now() + timedelta(days=31)) == 2

    await world.publish(an_event("e3"))

    assert [one.number for one in await world.log.read(since=0, limit=10)] == [3]


async def test_what_is_not_published_is_not_dropped(world: World) -> None:
    await world.insert(an_event("e1"))

    assert await world.log.prune(world.clock.now() + timedelta(days=90)) == 0
    assert await world.log.publish() == 1


async def test_p12_a_rare_type_is_looked_for_in_parts_of_the_log(world: World) -> None:
    await world.publish(an_event("common"))
    # Numbers without events: what lies between need not be there for the reader to pass over it.
    await world.database.run(
        lambda tx: tx.driver.execute(f"UPDATE event_log SET last_number = {LOOKED_AT + 4}")
    )
    await world.publish(an_event("rare", event_type="rare"))

    first = await world.log.page(since=0, limit=10, of_type="rare")
    second = await world.log.page(since=first.next, limit=10, of_type="rare")

    assert (len(first.events), first.next, first.is_last) == (0, LOOKED_AT, False)
    assert [one.event.id for one in second.events] == ["rare"]
    assert second.is_last


async def test_what_was_dropped_is_not_looked_for(world: World) -> None:
    await world.publish(an_event("old"))
    world.clock.set(world.clock.now() + timedelta(days=31))
    await world.publish(an_event("young"))
    await world.log.prune(world.clock.now())

    page = await world.log.page(since=0, limit=10, of_type="tocsin.*")

    assert [one.event.id for one in page.events] == ["young"]


@pytest.mark.parametrize("of_type", ["*", "tocsin.*"])
async def test_a_full_page_goes_on_behind_its_last_event(world: World, of_type: str) -> None:
    await world.publish(*(an_event(f"e{count}") for count in range(4)))

    page = await world.log.page(since=0, limit=2, of_type=of_type)

    assert (page.next, page.is_last) == (2, False)


async def test_p6_an_event_for_one_goes_to_no_other(world: World, sink: MemorySink) -> None:
    await world.subscribe()
    name = await world.subscribe(types=["tocsin.job.created"])

    def insert(transaction: Transaction) -> None:
        world.log.insert(transaction, an_event("e1"), addressee=name)

    await world.database.run(insert)
    await world.log.publish()

    assert await world.rows("SELECT event_subscription_id FROM delivery") == [(name,)]
    await world.deliver_due()
    assert sink.attempts == ["e1"]


async def test_an_event_for_one_that_is_gone_goes_nowhere(world: World) -> None:
    await world.database.run(
        lambda transaction: world.log.insert(transaction, an_event("e1"), addressee="gone")
    )

    assert await world.log.publish() == 1
    assert await world.rows("SELECT * FROM delivery") == []


async def test_p12_publishing_to_many_is_done_in_steps(world: World) -> None:
    def subscribe_many(transaction: Transaction) -> None:
        for count in range(MOST_DELIVERIES // 4 + 1):
            transaction.driver.execute(
                "INSERT INTO event_subscription (id, filter_types, subject_prefix, status,"
                f" created_at) VALUES ('s{count}', '[]', '', 'paused', 0)"
            )
            transaction.driver.execute(f"INSERT INTO event_filter VALUES ('*', 's{count}')")

    await world.database.run(subscribe_many)
    await world.insert(*(an_event(f"e{count}") for count in range(9)))
    transactions: list[int] = []
    database = Watched(world.database, transactions)

    published = await EventLog(database, world.clock, world.wakes).publish()

    assert published == 9
    assert transactions == [4, 4, 1]
    numbers = await world.rows("SELECT count(DISTINCT number), count(*) FROM delivery")
    assert numbers == [(9, 9 * (MOST_DELIVERIES // 4 + 1))]


class Watched:
    """A database that notes how many events each transaction of `publish` numbered."""

    def __init__(self, database: Database, transactions: list[int]) -> None:
        self._database = database
        self._transactions = transactions
        self.run, self.read, self.close = database.run, database.read, database.close

    async def run_grouped(self, work: GroupWork[Item, Value], item: Item) -> Value:
        value = await self._database.run_grouped(work, item)
        self._transactions.append(value[0])  # type: ignore[index]
        return value
