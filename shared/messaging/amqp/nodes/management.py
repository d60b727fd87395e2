"""The management node of an entity: what is asked of messages, sessions and rules (facts §1, "$management")."""

from typing import Any

from shared.clock import from_microseconds
from shared.errors import Fault, InvalidRequestError, PermanentError
from shared.messaging.amqp.codec.envelopes import deliver
from shared.messaging.amqp.codec.performatives import ReceiverSettleMode
from shared.messaging.amqp.codec.values import Array, Int, Symbol, Timestamp
from shared.messaging.amqp.nodes.conditions import NOT_IMPLEMENTED, describe_error, status_code
from shared.messaging.amqp.nodes.managed_entity import NO_CONTENT, Answer, ManagedEntity, Operation
from shared.messaging.amqp.nodes.management_rules import RULE_OPERATIONS
from shared.messaging.amqp.nodes.management_sessions import SESSION_OPERATIONS
from shared.messaging.amqp.nodes.requests import (
    Arguments,
    Request,
    application_properties,
    write_answer,
)
from shared.messaging.embedded.envelope import Delivery, StoredEnvelope

MAX_PEEKED = 250
MAX_PEEKED_SIZE = 2**20


async def renew_lock(entity: ManagedEntity, request: Request) -> Answer:
    ends = [
        await entity.core.renew(entity.path, token) for token in request.arguments.lock_tokens()
    ]
    expirations = tuple(Timestamp.of(from_microseconds(end)) for end in ends)
    return Answer({"expirations": Array(Timestamp, expirations)})


async def schedule_message(entity: ManagedEntity, request: Request) -> Answer:
    """When each is due is in its own annotations; what the request says beside the message is said in there too."""
    messages = [message.binary("message") for message in request.arguments.maps("messages")]
    numbers = await entity.core.send(entity.path, entity.arrivals.envelopes(messages))
    return Answer({"sequence-numbers": Array(int, tuple(numbers))})


async def cancel_scheduled_message(entity: ManagedEntity, request: Request) -> Answer:
    numbers = request.arguments.integers("sequence-numbers")
    await entity.core.cancel_scheduled(entity.path, numbers)
    return Answer({})


async def peek_message(entity: ManagedEntity, request: Request) -> Answer:
    arguments = request.arguments
    peeked = await entity.core.peek(
        entity.path,
        from_sequence_number=arguments.ordinal("from-sequence-number"),
        max_messages=min(arguments.ordinal("message-count"), MAX_PEEKED),
        session_id=arguments.optional_text("session-id"),
        max_size=MAX_PEEKED_SIZE,
    )
    if not peeked:
        return Answer(status=NO_CONTENT)
    return Answer({"messages": [{"message": message} for message in _fitting(peeked)]})


def _fitting(peeked: list[StoredEnvelope]) -> list[bytes]:
    """Return the first, and those after it that fit into an answer with it; the client goes on from there."""
    messages: list[bytes] = []
    size = 0
    for envelope in peeked:
        message = deliver(envelope)
        size += len(message)
        if messages and size > MAX_PEEKED_SIZE:
            break
        messages.append(message)
    return messages


async def receive_by_sequence_number(entity: ManagedEntity, request: Request) -> Answer:
    arguments = request.arguments
    numbers = arguments.integers("sequence-numbers")
    session = entity.session(request, arguments)
    if arguments.integer("receiver-settle-mode") == ReceiverSettleMode.FIRST:
        taken = await entity.core.take_deferred(entity.path, numbers, session=session)
        return Answer({"messages": [{"message": deliver(envelope)} for envelope in taken]})
    locked = await entity.core.receive_deferred(entity.path, numbers, session=session)
    return Answer({"messages": [_locked(delivery) for delivery in locked]})


def _locked(delivery: Delivery) -> dict[str, Any]:
    return {"message": deliver(delivery), "lock-token": delivery.lock_token}


async def update_disposition(entity: ManagedEntity, request: Request) -> Answer:
    """Settle messages one by one; the first that cannot be ends it."""
    arguments = request.arguments
    # Whoever names a session that is no longer theirs is told so, whatever became of the message.
    entity.session(request, arguments)
    status = arguments.text("disposition-status")
    for token in arguments.lock_tokens():
        await _settle(entity, token, status, arguments)
    return Answer({})


async def _settle(entity: ManagedEntity, token: Any, status: str, arguments: Arguments) -> None:
    core, path = entity.core, entity.path
    changes = arguments.optional_map("properties-to-modify")
    properties = None
    if changes is not None:
        properties = application_properties("properties-to-modify", changes.values)
    match status:
        case "completed":
            await core.complete(path, token)
        case "abandoned":
            await core.abandon(path, token, properties=properties)
        case "defered":
            await core.defer(path, token, properties=properties)
        case "suspended":
            await core.dead_letter(
                path,
                token,
                reason=arguments.optional_text("deadletter-reason"),
                description=arguments.optional_text("deadletter-description"),
                properties=properties,
            )
        case _:
            fault = Fault("disposition-status", f"is {status!r}, which is no way to settle")
            raise InvalidRequestError([fault])


OPERATIONS: dict[str, Operation] = {
    "com.microsoft:renew-lock": renew_lock,
    "com.microsoft:schedule-message": schedule_message,
    "com.microsoft:cancel-scheduled-message": cancel_scheduled_message,
    "com.microsoft:peek-message": peek_message,
    "com.microsoft:receive-by-sequence-number": receive_by_sequence_number,
    "com.microsoft:update-disposition": update_disposition,
    **SESSION_OPERATIONS,
    **RULE_OPERATIONS,
}


async def answer_management(entity: ManagedEntity, request: Request) -> bytes:
    """Carry out a request and return the answer's sections, also when it fails."""
    try:
        answer = await _operation(request)(entity, request)
    except (
        Exception
    ) as fault:  # a request that fails is answered; describe_error logs what is a bug
        return _refusal(request, fault)
    status = {"statusCode": Int(answer.status), "statusDescription": "OK"}
    return write_answer(request, status, answer.body)


def _operation(request: Request) -> Operation:
    request.check()
    operation = OPERATIONS.get(request.operation)
    if operation is None:
        message = f"a management node has no operation {request.operation!r}"
        raise PermanentError(message, code=NOT_IMPLEMENTED)
    return operation


def _refusal(request: Request, fault: Exception) -> bytes:
    error = describe_error(fault)
    status = {
        "statusCode": Int(status_code(error)),
        "statusDescription": error.description,
        "errorCondition": Symbol(error.condition),
    }
    return write_answer(request, status, None)
