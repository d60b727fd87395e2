"""What the operations of a management node work on, and what they answer."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.errors import SessionLockLostError
from shared.messaging.amqp.nodes.arrivals import Arrivals
from shared.messaging.amqp.nodes.requests import Arguments, Request
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.embedded.envelope import SessionLock

OK = 200
NO_CONTENT = 204

SESSION_ID = "session-id"


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation found; an error is raised instead."""

    body: Mapping[str, Any] | None = None
    status: int = OK


class HeldSessions:
    """The sessions that a connection's links hold, with the name of the link; two may have one name."""

    def __init__(self) -> None:
        self._locks: list[tuple[str, SessionLock]] = []

    def add(self, link: str, lock: SessionLock) -> None:
        self._locks.append((link, lock))

    def remove(self, lock: SessionLock) -> None:
        self._locks = [held for held in self._locks if held[1] is not lock]

    def lock(self, path: str, session_id: str, *, link: str | None) -> SessionLock:
        """Return the lock that the link holds, or any link when it is not named. Raises SessionLockLostError."""
        for name, lock in self._locks:
            is_meant = link in (None, name) and (lock.path, lock.session_id) == (path, session_id)
            if is_meant and not lock.lost.is_set():
                return lock
        raise SessionLockLostError(
            f"session {session_id!r} of {path!r} is not, or no longer, locked by this receiver"
        )


@dataclass(frozen=True, slots=True)
class ManagedEntity:
    """The entity whose management node it is; `path` is as the core spells it."""

    core: BrokerCore
    path: str
    sessions: HeldSessions
    arrivals: Arrivals

    def session(self, request: Request, arguments: Arguments) -> SessionLock | None:
        """Return the lock of the session that the request names, None when it names none."""
        session_id = arguments.optional_text(SESSION_ID)
        if session_id is None:
            return None
        link = request.properties.get("associated-link-name")
        return self.sessions.lock(self.path, session_id, link=link)


Operation = Callable[[ManagedEntity, Request], Awaitable[Answer]]
