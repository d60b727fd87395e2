"""The properties of a message that SQL filters and actions know as `sys.name`."""

from collections.abc import Callable

from shared.messaging.message import Message, PropertyValue

SYSTEM_PROPERTIES: dict[str, Callable[[Message], PropertyValue]] = {
    "contenttype": lambda message: message.content_type,
    "correlationid": lambda message: message.correlation_id,
    "label": lambda message: message.subject,
    "messageid": lambda message: message.message_id,
    "partitionkey": lambda message: message.partition_key,
    "replyto": lambda message: message.reply_to,
    "replytosessionid": lambda message: message.reply_to_session_id,
    "scheduledenqueuetime": lambda message: message.scheduled_enqueue_time,
    "scheduledenqueuetimeutc": lambda message: message.scheduled_enqueue_time,
    "sessionid": lambda message: message.session_id,
    "subject": lambda message: message.subject,
    "to": lambda message: message.to,
}
"""By name in lower case. Both the names of today's SDKs and of the first ones are there: Label became Subject."""

SETTABLE = {
    "contenttype": "content_type",
    "correlationid": "correlation_id",
    "label": "subject",
    "messageid": "message_id",
    "replyto": "reply_to",
    "replytosessionid": "reply_to_session_id",
    "sessionid": "session_id",
    "subject": "subject",
    "to": "to",
}
"""By name in lower case, what actions may set, all of it text, and what the message calls it."""

SPELLED = (
    "ContentType, CorrelationId, Label, MessageId, PartitionKey, ReplyTo, ReplyToSessionId, "
    "ScheduledEnqueueTimeUtc, SessionId, Subject or To"
)
SETTABLE_SPELLED = "ContentType, CorrelationId, Label, MessageId, ReplyTo, ReplyToSessionId, SessionId, Subject or To"
