"""Whether the data-encryption key is the one of this database: another would lose every secret in it."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, insert, select, update

from shared.data_keys.sealed_rows import Position, SealedRow
from shared.data_keys.tables import data_key_check
from shared.errors import ConfigurationError
from shared.sealing import Sealer
from shared.sql.database import Transaction
from shared.sql.locks import lock_in_order

CONTEXT = "key check"


def check_key(transaction: Transaction, sealer: Sealer) -> None:
    """Remember the current key of a new database, hold a known one against the ring, and remember what is current now.

    Raises:
        ConfigurationError: what this database holds was sealed under another key.
    """
    lock_in_order(transaction, exclusive=[CONTEXT])
    checks = KeyChecks()
    rows = checks.read(transaction.connection, after=None, limit=1)
    if not rows:
        sealed = sealer.seal(CONTEXT, context=CONTEXT)
        transaction.connection.execute(insert(data_key_check).values(sealed=sealed))
        return
    try:
        # Opened in any case: another key may have the same id.
        sealer.unseal(rows[0].text, context=CONTEXT)
    except ConfigurationError as error:
        raise ConfigurationError(
            "the data-encryption key is not the one that this database was made with; restore its key file"
        ) from error
    current = sealer.reseal(rows[0].text, context=CONTEXT)
    checks.replace(transaction.connection, rows[0], current)


class KeyChecks:
    """The one row, as any other with a sealed value."""

    name = "key check"

    def read(
        self, connection: Connection, *, after: Position | None, limit: int
    ) -> Sequence[SealedRow]:
        found = connection.execute(select(data_key_check.c.sealed)).scalars()
        return [SealedRow(1, CONTEXT, sealed) for sealed in found] if after is None else []

    def replace(self, connection: Connection, row: SealedRow, text: str) -> bool:
        this = data_key_check.c.sealed == row.text
        return (
            connection.execute(update(data_key_check).where(this).values(sealed=text)).rowcount == 1
        )

    def map_sealed(self, text: str, change: Callable[[str], str]) -> str:
        return change(text)
