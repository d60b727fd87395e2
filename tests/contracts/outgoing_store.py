"""What every store of outgoing events does; a subclass provides the fixtures `store` and `database`."""

from collections.abc import Sequence

import pytest

from shared.scheduler.outgoing import OutgoingRow, OutgoingStore
from shared.sql.database import Database, Transaction


async def insert(database: Database, store: OutgoingStore, *bodies: bytes) -> None:
    def write(transaction: Transaction) -> None:
        for body in bodies:
            store.insert(transaction, body)

    await database.run(write)


async def oldest(
    database: Database, store: OutgoingStore, *, limit: int = 100
) -> Sequence[OutgoingRow]:
    return await database.read(lambda connection: store.oldest(connection, limit=limit))


class OutgoingStoreContract:
    """Rows come out as they went in, in their order, until they are deleted by position."""

    async def test_rows_are_found_in_the_order_of_insertion(
        self, store: OutgoingStore, database: Database
    ) -> None:
        await insert(database, store, b"a", b"\x00\xff")
        await insert(database, store, b"c")

        rows = await oldest(database, store)

        assert [row.body for row in rows] == [b"a", b"\x00\xff", b"c"]
        assert [row.position for row in rows] == sorted({row.position for row in rows})

    async def test_no_more_than_asked_for_are_found_and_they_stay(
        self, store: OutgoingStore, database: Database
    ) -> None:
        await insert(database, store, b"a", b"b", b"c")

        for _ in range(2):
            assert [row.body for row in await oldest(database, store, limit=2)] == [b"a", b"b"]

    async def test_only_the_named_rows_are_deleted(
        self, store: OutgoingStore, database: Database
    ) -> None:
        await insert(database, store, b"a", b"b", b"c")
        first, _, last = await oldest(database, store)
        named = [first.position, last.position]

        for _ in range(2):
            await database.run(lambda transaction: store.delete(transaction, named))

        assert [row.body for row in await oldest(database, store)] == [b"b"]

    async def test_a_position_is_never_given_again(
        self, store: OutgoingStore, database: Database
    ) -> None:
        await insert(database, store, b"a")
        (gone,) = await oldest(database, store)
        await database.run(lambda transaction: store.delete(transaction, [gone.position]))

        await insert(database, store, b"b")

        (row,) = await oldest(database, store)
        assert row.position > gone.position

    async def test_p7_nothing_is_left_of_a_transaction_that_fails(
        self, store: OutgoingStore, database: Database
    ) -> None:
        def fail(transaction: Transaction) -> None:
            store.insert(transaction, b"a")
            raise KeyError

        with pytest.raises(KeyError):
            await database.run(fail)

        assert await oldest(database, store) == []

    async def test_a_row_does_not_show_what_it_holds(
        self, store: OutgoingStore, database: Database
    ) -> None:
        await insert(database, store, b"a job")

        assert "job" not in repr(await oldest(database, store))
