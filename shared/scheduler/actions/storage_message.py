"""The message that a storage queue gets: the job's text inside the retired service's `StorageQueueMessage`; pure.

Its readers expect what .NET's XmlSerializer writes into a string, hence a declaration of UTF-16 in what is UTF-8, and
in base64 what CloudQueue of .NET reads and the queue triggers of Azure Functions do
(https://github.com/Azure/azure-webjobs-sdk/issues/85 shows one).
"""

import base64
from uuid import UUID, uuid5

from shared.scheduler.action import Attempt
from shared.wire.times import format_instant
from shared.wire.xml_elements import write_text

OPENING = (
    '<?xml version="1.0" encoding="utf-16"?>\r\n'
    '<StorageQueueMessage xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
)
CLOSING = "\r\n</StorageQueueMessage>"
ATTEMPTS = UUID("5b0bd2a9-5a53-4f0e-9d0c-3a3f7f0f7c11")


def client_request_id(attempt: Attempt) -> str:
    """Return the GUID of one attempt."""
    return str(uuid5(ATTEMPTS, f"{attempt.execution_id}/{attempt.number}"))


def wrapped(attempt: Attempt, text: str) -> str:
    """Return the document around `text`; its tag is the same at every attempt of an execution."""
    members = {
        "ExecutionTag": attempt.execution_id.replace("-", ""),
        "ClientRequestId": client_request_id(attempt),
        "ExpectedExecutionTime": format_instant(attempt.expected_time).removesuffix("Z"),
        "SchedulerJobId": attempt.job,
        "SchedulerJobCollectionId": attempt.job_collection,
        "Region": attempt.region,
        "Message": text,
    }
    lines = (f"\r\n  {write_text(name, value)}" for name, value in members.items())
    return f"{OPENING}{''.join(lines)}{CLOSING}"


def put_message(attempt: Attempt, text: str) -> bytes:
    """Return the body of Put Message (https://learn.microsoft.com/rest/api/storageservices/put-message)."""
    encoded = base64.b64encode(wrapped(attempt, text).encode()).decode()
    return f"<QueueMessage><MessageText>{encoded}</MessageText></QueueMessage>".encode()
