"""Locks by name that end with their transaction; SQLite has one writer at a time and needs none.

They are PostgreSQL's advisory locks. Whoever takes several takes them in one call, which has one order for everybody:
so nobody who holds some waits for somebody who waits for him.
"""

from collections.abc import Iterable
from hashlib import blake2b

from shared.sql.database import Transaction

TAKE = """
SELECT CASE WHEN is_shared THEN pg_advisory_xact_lock_shared(key) ELSE pg_advisory_xact_lock(key) END
FROM unnest(%(keys)s::bigint[], %(shared)s::boolean[]) AS wanted (key, is_shared)
"""


def lock_in_order(
    transaction: Transaction, *, exclusive: Iterable[str] = (), shared: Iterable[str] = ()
) -> None:
    """Wait for all of these locks and hold them until the transaction ends; once in a transaction, and first.

    What is read after it shows everything that earlier holders committed.
    """
    if not transaction.has_rivals:
        return
    wanted = {lock_key(name): True for name in shared}
    wanted |= {lock_key(name): False for name in exclusive}
    if wanted:
        keys = sorted(wanted)
        values = {"keys": keys, "shared": [wanted[key] for key in keys]}
        transaction.driver.execute(TAKE, values)


def lock_key(name: str) -> int:
    """Return the number of a name; two names with one number merely wait for each other."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), signed=True)
