"""What every table with sealed values does; a subclass provides the fixtures `rows`, `database` and `filled`."""

from collections.abc import Sequence

from shared.data_keys.sealed_rows import Position, SealedRow, SealedRows
from shared.sealing import Sealer, key_id_of
from shared.sql.database import Database


class SealedRowsContract:
    """`filled` gives the sealer and, in the order of the rows, the secrets sealed in three rows: one each."""

    async def test_rows_come_in_their_order_and_open_under_their_context(
        self, rows: SealedRows, database: Database, filled: tuple[Sealer, Sequence[str]]
    ) -> None:
        sealer, secrets = filled

        found = await read(rows, database)

        assert [opened(rows, row, sealer) for row in found] == [[each] for each in secrets]
        assert len({row.position for row in found}) == 3

    async def test_a_page_goes_on_behind_a_position(
        self, rows: SealedRows, database: Database, filled: tuple[Sealer, Sequence[str]]
    ) -> None:
        first = await read(rows, database, limit=2)
        second = await read(rows, database, after=first[-1].position)
        third = await read(rows, database, after=second[-1].position)

        assert (len(first), len(second), len(third)) == (2, 1, 0)
        assert [*first, *second] == await read(rows, database)

    async def test_a_row_that_is_as_it_was_read_is_replaced(
        self, rows: SealedRows, database: Database, filled: tuple[Sealer, Sequence[str]]
    ) -> None:
        sealer, secrets = filled
        rotated = Sealer({"k2": b"2" * 32}, current="k2")
        one, two, three = await read(rows, database)
        text = rows.map_sealed(
            two.text,
            lambda sealed: rotated.seal(
                sealer.unseal(sealed, context=two.context), context=two.context
            ),
        )

        assert await database.run(lambda tx: rows.replace(tx.connection, two, text))

        found = await read(rows, database)
        assert (found[0], found[2]) == (one, three)
        assert opened(rows, found[1], rotated) == [secrets[1]]
        assert (found[1].position, found[1].context) == (two.position, two.context)

    async def test_a_row_that_changed_meanwhile_is_left_alone(
        self, rows: SealedRows, database: Database, filled: tuple[Sealer, Sequence[str]]
    ) -> None:
        before, *_ = await read(rows, database)
        now = rows.map_sealed(before.text, lambda sealed: f"{sealed}A")
        await database.run(lambda tx: rows.replace(tx.connection, before, now))

        late = await database.run(lambda tx: rows.replace(tx.connection, before, before.text))

        assert not late
        assert (await read(rows, database))[0].text == now

    async def test_text_in_which_nothing_changes_is_the_same(
        self, rows: SealedRows, database: Database, filled: tuple[Sealer, Sequence[str]]
    ) -> None:
        for row in await read(rows, database):
            assert rows.map_sealed(row.text, lambda sealed: sealed) == row.text

    async def test_p8_a_row_shows_nothing_of_its_text(
        self, rows: SealedRows, database: Database, filled: tuple[Sealer, Sequence[str]]
    ) -> None:
        for row in await read(rows, database):
            assert "sealed1" not in repr(row)


async def read(
    rows: SealedRows, database: Database, *, after: Position | None = None, limit: int = 10
) -> Sequence[SealedRow]:
    return await database.read(lambda connection: rows.read(connection, after=after, limit=limit))


def opened(rows: SealedRows, row: SealedRow, sealer: Sealer) -> list[str]:
    """Return what is sealed in a row."""
    found: list[str] = []

    def collect(sealed: str) -> str:
        assert key_id_of(sealed) is not None
        found.append(sealer.unseal(sealed, context=row.context))
        return sealed

    rows.map_sealed(row.text, collect)
    return found
