"""What the records of attempts say that put a message into a queue or a topic; pure.

Only its beginnings and what clients take apart are known of the retired service's form, so it is made for PowerShell's
reading: of a storage queue `does not exist` with the queue first in quotes, `could not be found` and all others with
account and queue; of Service Bus the result up to the first colon, then entity and namespace in quotes. What the other
side writes is not told, since it may hold what we sent in secret (P8).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.errors import NoAnswer
from shared.scheduler.actions.not_sent import NotSent, NotSentError
from shared.scheduler.actions.record_message import FAILURES, STATUS_NAMES
from shared.wire.json_types import JsonObject
from shared.wire.model import read_stored
from shared.wire.queue_action import (
    ServiceBusMembers,
    ServiceBusQueueMessage,
    ServiceBusTopicMessage,
    StorageQueueMessage,
)

QUEUE_NOT_FOUND = "QueueNotFound"
# https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes and queue-service-error-codes
STORAGE_ERRORS = frozenset(
    {
        "AccountIsDisabled",
        "AuthenticationFailed",
        "AuthorizationFailure",
        "AuthorizationPermissionMismatch",
        "AuthorizationProtocolMismatch",
        "AuthorizationResourceTypeMismatch",
        "AuthorizationServiceMismatch",
        "AuthorizationSourceIPMismatch",
        "InsufficientAccountPermissions",
        "InternalError",
        "InvalidAuthenticationInfo",
        "InvalidQueryParameterValue",
        "InvalidResourceName",
        "InvalidUri",
        "MessageTooLarge",
        "NoAuthenticationInformation",
        "OperationTimedOut",
        "OutOfRangeInput",
        "OutOfRangeQueryParameterValue",
        "PublicAccessNotPermitted",
        "QueueBeingDeleted",
        "QueueDisabled",
        QUEUE_NOT_FOUND,
        "RequestBodyTooLarge",
        "ResourceNotFound",
        "ServerBusy",
    }
)
# The exceptions of .NET that fit, without their last word; the first two are ours.
NOT_SENT = {
    NotSent.NO_KEY: "NoAuthentication The action has no authentication of type sharedAccessKey",
    NotSent.NOT_SENDABLE: "MessageNotSendable The message cannot be sent as it is",
    NotSent.UNAUTHORIZED: "UnauthorizedAccess The key is not allowed to send there",
    NotSent.ENTITY_NOT_FOUND: "MessagingEntityNotFound There is none of this name",
    NotSent.ENTITY_DISABLED: "MessagingEntityDisabled It takes no messages",
    NotSent.MESSAGE_SIZE_EXCEEDED: "MessageSizeExceeded The message is larger than it takes",
    NotSent.QUOTA_EXCEEDED: "QuotaExceeded It is full, or the namespace has too many connections",
    NotSent.SERVER_BUSY: "ServerBusy The service is busy",
    NotSent.REFUSED: "Messaging The service refused the message",
    NotSent.TIMEOUT: "Timeout The operation has timed out",
    NotSent.UNREACHABLE: "MessagingCommunication The service cannot be reached, or the connection broke",
}


@dataclass(frozen=True, slots=True)
class Destination:
    """Where in Service Bus a message goes; `title` and `kind` are how records call such an action and the entity."""

    title: str
    kind: str
    entity: str
    message: ServiceBusMembers


def destination_of(action: JsonObject) -> Destination:
    """Return the destination of a stored action."""
    if "serviceBusQueueMessage" in action:
        queue = read_stored(ServiceBusQueueMessage, action["serviceBusQueueMessage"])
        return Destination("ServiceBusQueue", "queue", queue.queue_name, queue)
    topic = read_stored(ServiceBusTopicMessage, action["serviceBusTopicMessage"])
    return Destination("ServiceBusTopic", "topic", topic.topic_path, topic)


def service_bus_success(to: Destination) -> str:
    return f"{to.title} Action - Message succeeded: {_entity(to)}"


def service_bus_failure(to: Destination, error: NotSentError) -> str:
    failure = NOT_SENT[error.kind] + (f": {error.detail}" if error.detail else "")
    return f"{to.title} Action - Message failed: {_entity(to)}: {failure}"


def _entity(to: Destination) -> str:
    return f"{to.kind} '{to.entity}' of namespace '{to.message.namespace}'"


def storage_success(message: StorageQueueMessage) -> str:
    return f"{_storage(message)} succeeded"


def storage_answer(message: StorageQueueMessage, status: int, headers: Mapping[str, str]) -> str:
    """Return what is told of an answer that is no success."""
    error = headers.get("x-ms-error-code", "")
    if error == QUEUE_NOT_FOUND:
        return (
            f"StorageQueue Action - The queue '{message.queue_name}' does not exist"
            f" in storage account '{message.storage_account}'"
        )
    told = f": {error}" if error in STORAGE_ERRORS else ""
    name = STATUS_NAMES.get(status, str(status))
    return f"{_storage(message)} failed: The service answered '{name}'{told}"


def storage_failure(message: StorageQueueMessage, *, host: str, kind: NoAnswer, reason: str) -> str:
    failure = FAILURES[kind].format(host=host, reason=reason)
    if kind is NoAnswer.NAME_NOT_RESOLVED:
        return (
            f"StorageQueue Action - The storage account '{message.storage_account}'"
            f" could not be found for queue '{message.queue_name}': {failure}"
        )
    return f"{_storage(message)} failed: {failure}"


def _storage(message: StorageQueueMessage) -> str:
    return (
        f"StorageQueue Action - Message for storage account '{message.storage_account}'"
        f" and queue '{message.queue_name}'"
    )
