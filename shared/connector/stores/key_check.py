"""Whether the data-encryption key is the one of this database: another would lose every body and secret in it."""

from sqlalchemy import insert, select

from shared.connector.stores.tables import key_check
from shared.errors import ConfigurationError
from shared.sealing import Sealer
from shared.sql.database import Transaction

CONTEXT = "key check"


def check_key(transaction: Transaction, sealer: Sealer) -> None:
    """Remember the key of a new database, and hold a known one against it.

    Raises:
        ConfigurationError: what this database holds was sealed under another key.
    """
    found = transaction.connection.execute(select(key_check.c.sealed)).scalar()
    if found is None:
        sealed = sealer.seal(CONTEXT, context=CONTEXT)
        transaction.connection.execute(insert(key_check).values(sealed=sealed))
        return
    try:
        sealer.unseal(found, context=CONTEXT)
    except ConfigurationError as error:
        raise ConfigurationError(
            "the data-encryption key is not the one that this database was made with; restore its key file"
        ) from error
