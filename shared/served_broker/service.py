"""A folder's namespaces, opened and ready to be served."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from shared.clock import Clock
from shared.messaging.amqp.nodes.sas import Keys
from shared.messaging.amqp.nodes.service import BrokerService
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.embedded.schema import SCHEMA
from shared.messaging.entities import NamespaceDescription
from shared.served_broker.folder import BrokerFolder
from shared.served_broker.namespace_keys import load_keys
from shared.settings import Durability
from shared.sql.data_folder import DataFolder
from shared.sql.database_file import bring_up_to_date, usable
from shared.sql.sqlite import SqliteDatabase


@dataclass(frozen=True, slots=True)
class ServedBroker:
    """What serves the namespaces, and the keys to them."""

    service: BrokerService
    keys: Keys


@asynccontextmanager
async def served_broker(
    folder: BrokerFolder,
    namespaces: Sequence[NamespaceDescription],
    *,
    clock: Clock,
    durability: Durability,
) -> AsyncIterator[ServedBroker]:
    """Own the folder and its namespaces while the block runs; at its end nobody is connected any more.

    Raises:
        ConfigurationError: another process owns the folder, or a file in it cannot be used.
    """
    async with AsyncExitStack() as opened:
        held = DataFolder(folder.path)
        opened.callback(held.close)
        keys = load_keys(folder.keys, [each.name for each in namespaces])
        cores = {}
        for each in namespaces:
            file = folder.database(each.name)
            bring_up_to_date(file, (SCHEMA,))
            with usable(file):
                database = SqliteDatabase(file, clock=clock, durability=durability)
                opened.push_async_callback(database.close)
                core = cores[each.name] = BrokerCore(database, clock=clock, description=each)
                opened.push_async_callback(core.close)
                await core.open()
        service = BrokerService(cores, keys, clock=clock)
        opened.push_async_callback(service.close)
        yield ServedBroker(service, keys)
