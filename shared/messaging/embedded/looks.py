"""What is looked at and not changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

from shared.messaging.embedded import statements as sql
from shared.messaging.embedded.envelope import StoredEnvelope, read_token
from shared.messaging.embedded.limits import MAX_PEEK
from shared.messaging.embedded.rows import stored


@dataclass(frozen=True, slots=True)
class Peek:
    """Messages of every state from a sequence number on: up to 250, none after `max_size` bytes of bodies."""

    path: str
    letters_of: str | None
    from_sequence_number: int
    max_messages: int
    session_id: str | None
    max_size: int | None

    def look(self, connection: Connection) -> list[StoredEnvelope]:
        where = (self.path,) if self.session_id is None else (self.path, self.session_id)
        statement = sql.PEEK if self.session_id is None else sql.PEEK_IN_SESSION
        most = max(0, min(self.max_messages, MAX_PEEK))
        found: list[StoredEnvelope] = []
        size = 0
        with connection.exec_driver_sql(
            statement, (*where, self.from_sequence_number, most)
        ) as rows:
            for row in rows:
                found.append(stored(tuple(row), self.letters_of))
                size += len(found[-1].payload)
                if self.max_size is not None and size > self.max_size:
                    break
        return found


def still_locked(connection: Connection, path: str, tokens: Iterable[UUID], now: int) -> list[UUID]:
    """Return the tokens whose messages are still locked by them."""
    return [
        token
        for token in tokens
        if connection.exec_driver_sql(sql.STANDING, (path, *read_token(token), now)).first()
    ]
