"""A real way to make COMMIT itself fail: a foreign key that is checked only then."""

from shared.sql.database import Transaction
from tests.contracts.database import make_table


def make_promise(tx: Transaction) -> None:
    make_table(tx)
    tx.connection.exec_driver_sql(
        "CREATE TABLE promise (text TEXT REFERENCES word (text) DEFERRABLE INITIALLY DEFERRED)"
    )


def break_promise(tx: Transaction) -> None:
    tx.connection.exec_driver_sql("INSERT INTO promise VALUES ('never written')")
