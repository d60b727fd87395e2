"""Which operations there are, in the transaction of whoever has to know."""

from collections.abc import Collection

from sqlalchemy import select

from shared.connector.stores.tables import operation
from shared.sql.database import Transaction

AT_ONCE = 1000
"""Names in one statement; SQLite takes 32,766."""


def known_operations(transaction: Transaction, names: Collection[str]) -> frozenset[str]:
    """Return those of `names` that are operations; by the index of ids, and no statement without names."""
    wanted, found = sorted(names), set[str]()
    for begin in range(0, len(wanted), AT_ONCE):
        some = wanted[begin : begin + AT_ONCE]
        query = select(operation.c.id).where(operation.c.id.in_(some))
        found.update(transaction.connection.execute(query).scalars())
    return frozenset(found)
