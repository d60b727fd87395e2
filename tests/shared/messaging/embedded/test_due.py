from uuid import uuid4

from shared.clock import to_microseconds
from shared.messaging.embedded.due import AT_ONCE, DueWork
from shared.messaging.embedded.namespace import Namespace
from shared.messaging.embedded.schema import State
from shared.messaging.embedded.sending import Parcel, Sending
from shared.messaging.embedded.sequence import SequenceNumbers
from shared.messaging.embedded.sessions import Sessions
from shared.messaging.embedded.settling import Settling
from shared.messaging.embedded.signals import Signals
from shared.messaging.embedded.subscription_rules import SubscriptionRules
from shared.messaging.entities import (
    NamespaceDescription,
    SubscriptionDescription,
    TopicDescription,
)
from shared.sql.database import Database, Transaction
from tests.clocks import FakeClock
from tests.shared.messaging.embedded.cores import letter

MESSAGES = 20
SUBSCRIPTIONS = 100
DESCRIPTION = NamespaceDescription(
    name="n",
    topics=(
        TopicDescription(
            name="t",
            subscriptions=tuple(
                SubscriptionDescription(name=f"s{number}") for number in range(SUBSCRIPTIONS)
            ),
        ),
    ),
)


async def states(database: Database) -> list[State]:
    def read(tx: Transaction) -> list[State]:
        rows = tx.driver.execute("SELECT state FROM message ORDER BY sequence_number").fetchall()
        return [State(state) for (state,) in rows]

    return await database.run(read)


async def test_one_transaction_makes_so_many_copies_of_scheduled_messages(
    database: Database, clock: FakeClock
) -> None:
    now = to_microseconds(clock.now())
    namespace, numbers = Namespace(DESCRIPTION), SequenceNumbers()
    signals = Signals(arrived=lambda _: None, waits_until=lambda _: None)
    sending = Sending(numbers, SubscriptionRules(namespace, uuid4), signals)
    settling = Settling(namespace, signals, Sessions(database, clock, lambda _: None))
    work = DueWork(namespace, numbers, signals, sending=sending, settling=settling)
    scheduled = letter("a")
    scheduled.due = now + 1
    await database.run_grouped(
        sending.insert, Parcel(namespace.target("t"), [scheduled] * MESSAGES, now)
    )

    following = await database.run(lambda tx: work.run(tx, now + 1))
    assert following == now + 1
    assert 0 < (await states(database)).count(State.ACTIVE) <= AT_ONCE

    while following is not None:
        following = await database.run(lambda tx: work.run(tx, now + 1))
    assert await states(database) == [State.ACTIVE] * MESSAGES * SUBSCRIPTIONS
