"""What a management node does with sessions (facts §1, "$management")."""

from shared.clock import from_microseconds
from shared.errors import Fault, InvalidRequestError
from shared.messaging.amqp.codec.values import Array, Int, Timestamp
from shared.messaging.amqp.nodes.managed_entity import (
    NO_CONTENT,
    SESSION_ID,
    Answer,
    ManagedEntity,
    Operation,
)
from shared.messaging.amqp.nodes.requests import Request
from shared.messaging.embedded.envelope import SessionLock

STATE = "session-state"


async def renew_session_lock(entity: ManagedEntity, request: Request) -> Answer:
    """The lock must be held by a link of this connection."""
    locked_until = await entity.core.renew_session(_held(entity, request))
    return Answer({"expiration": Timestamp.of(from_microseconds(locked_until))})


async def get_session_state(entity: ManagedEntity, request: Request) -> Answer:
    """Null when no state is set."""
    session_id = _held(entity, request).session_id
    return Answer({STATE: await entity.core.session_state(entity.path, session_id)})


async def set_session_state(entity: ManagedEntity, request: Request) -> Answer:
    """Null removes the state."""
    state = request.arguments.optional_binary(STATE)
    session_id = _held(entity, request).session_id
    await entity.core.set_session_state(entity.path, session_id, state)
    return Answer({})


async def get_message_sessions(entity: ManagedEntity, request: Request) -> Answer:
    """The sessions that have messages or a state; `last-updated-time` is not looked at."""
    arguments = request.arguments
    skip, top = arguments.count("skip"), arguments.count("top")
    found = await entity.core.sessions(entity.path, skip=skip, top=top)
    if not found:
        return Answer(status=NO_CONTENT)
    return Answer({"skip": Int(skip), "sessions-ids": Array(str, tuple(found))})


def _held(entity: ManagedEntity, request: Request) -> SessionLock:
    lock = entity.session(request, request.arguments)
    if lock is None:
        raise InvalidRequestError([Fault(SESSION_ID, "must be a string")])
    return lock


SESSION_OPERATIONS: dict[str, Operation] = {
    "com.microsoft:renew-session-lock": renew_session_lock,
    "com.microsoft:get-session-state": get_session_state,
    "com.microsoft:set-session-state": set_session_state,
    "com.microsoft:get-message-sessions": get_message_sessions,
}
