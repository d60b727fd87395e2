import os
from pathlib import Path

from shared.clock import SystemClock
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.entities import NamespaceDescription, QueueDescription
from shared.messaging.message import Message
from shared.served_broker.counts import read_counts
from shared.served_broker.folder import BrokerFolder
from shared.sql.sqlite import SqliteDatabase

ONE = NamespaceDescription(
    name="one", queues=(QueueDescription(name="Full"), QueueDescription(name="empty"))
)


async def test_counters_are_read_while_the_owner_writes_and_after_it(tmp_path: Path) -> None:
    folder = BrokerFolder(tmp_path / "with spaces?&")
    folder.prepare([ONE], random_bytes=os.urandom)
    file = folder.database("one")
    database = SqliteDatabase(file, clock=SystemClock())
    broker = EmbeddedBroker(database, clock=SystemClock(), queues=ONE.queues)
    await broker.send("full", [Message(body=b"x" * 100), Message(body=b"y")])
    receiver = broker.receiver("full")
    (message,) = await receiver.receive(max_messages=1, max_wait=None)
    await receiver.dead_letter(message, reason="Bad", description="")

    meanwhile = read_counts(file, ONE)
    await broker.close()
    await database.close()
    afterwards = read_counts(file, ONE)

    assert meanwhile == afterwards
    full, empty = meanwhile
    assert (full.path, full.active, full.dead_lettered) == ("full", 1, 1)
    assert full.size > 100
    assert (empty.path, empty.active, empty.size) == ("empty", 0, 0)
