"""The states of sessions, and which sessions there are."""

from collections.abc import Iterator

from sqlalchemy import Connection

from shared.messaging.embedded import statements as sql
from shared.sql.database import Transaction


def session_state(connection: Connection, path: str, session_id: str) -> bytes | None:
    state: bytes | None = connection.exec_driver_sql(sql.STATE, (path, session_id)).scalar()
    return state


def set_session_state(tx: Transaction, path: str, session_id: str, state: bytes | None) -> None:
    if state is None:
        tx.driver.execute(sql.FORGET_STATE, (path, session_id))
    else:
        tx.driver.execute(sql.SET_STATE, (path, session_id, state))


def sessions(connection: Connection, path: str) -> Iterator[str]:
    """Return the sessions that have messages or a state, by their ids."""
    after = ""
    while True:
        found = [
            connection.exec_driver_sql(statement, (path, after)).scalar()
            for statement in (sql.NEXT_SESSION, sql.NEXT_STATE)
        ]
        names = [name for name in found if name is not None]
        if not names:
            return
        after = min(names)
        yield after
