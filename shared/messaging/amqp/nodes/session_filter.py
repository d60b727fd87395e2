"""How a receiver asks for a session and is told which one it got (facts §1, "$management", and both SDKs)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shared.errors import Fault, InvalidRequestError
from shared.messaging.amqp.codec.performatives import Attach
from shared.messaging.amqp.codec.values import Described, Symbol
from shared.messaging.amqp.engine.node import Fields
from shared.messaging.embedded.envelope import SessionLock

SESSION_FILTER = Symbol("com.microsoft:session-filter")
LOCKED_UNTIL = Symbol("com.microsoft:locked-until-utc")
TIMEOUT = Symbol("com.microsoft:timeout")

# What the SDKs count on when they name no time.
DEFAULT_WAIT = timedelta(seconds=65)

# .NET counts tenths of a microsecond since the year 1.
_TICKS_BEFORE_1970 = 621_355_968_000_000_000
_TICKS = 10


@dataclass(frozen=True, slots=True)
class SessionWish:
    """`session_id` None is the next session that has messages; `max_wait` is how long to wait for one."""

    session_id: str | None
    max_wait: timedelta


def read_wish(attach: Attach) -> SessionWish | None:
    """Return which session the attach asks for, None when it asks for none. Raises InvalidRequestError."""
    filters = (attach.source and attach.source.filter) or {}
    if SESSION_FILTER not in filters:
        return None
    session_id: Any = filters[SESSION_FILTER]
    if isinstance(session_id, Described):
        session_id = session_id.value
    if session_id is not None and not isinstance(session_id, str):
        raise InvalidRequestError([Fault(SESSION_FILTER, "must be a session id or null")])
    return SessionWish(session_id, _max_wait(attach))


def _max_wait(attach: Attach) -> timedelta:
    milliseconds = (attach.properties or {}).get(TIMEOUT)
    if not isinstance(milliseconds, int):
        return DEFAULT_WAIT
    return min(timedelta(milliseconds=max(milliseconds, 0)), DEFAULT_WAIT)


def filters_in_force(lock: SessionLock) -> Fields:
    """Return what tells the receiver which session it got."""
    return {SESSION_FILTER: lock.session_id}


def properties_of(lock: SessionLock) -> Fields:
    """Return what tells the receiver how long it has it."""
    return {LOCKED_UNTIL: lock.locked_until * _TICKS + _TICKS_BEFORE_1970}
