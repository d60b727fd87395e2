"""What the records of attempts say that put a message into a queue or a topic; pure.

Only its beginnings and what clients take apart are known of the retired service's form, so it is made for PowerShell's
reading: of a storage queue `does not exist` with the queue first in quotes, `could not be found` and all others with
account and queue; of Service Bus the result up to the first colon, then entity and namespace in quotes. What the other
side writes is not told, since it may hold what we sent in secret (P8).
"""

from collections.abc import Mapping

from shared.errors import NoAnswer
from shared.scheduler.actions.record_message import FAILURES, STATUS_NAMES
from shared.wire.queue_action import StorageQueueMessage

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
