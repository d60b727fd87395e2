"""The message that a queue or topic of Service Bus gets: the job's text, with the properties that the job names."""

from datetime import datetime, timedelta
from math import ceil

from azure.servicebus import ServiceBusMessage

from shared.clock import to_microseconds
from shared.scheduler.action import Attempt
from shared.scheduler.actions.not_sent import NotSent, NotSentError
from shared.wire.queue_action import BrokeredMessageProperties, ServiceBusMembers

VIA_PARTITION_KEY = b"x-opt-via-partition-key"
# A uint of milliseconds (AMQP 1.0, part 3, 3.2.1): 49 days.
LONGEST_IN_HEADER = timedelta(milliseconds=2**32 - 1)
# The last that .NET's DateTime has.
LATEST_EXPIRY = 253_402_300_799_999


def service_bus_message(
    attempt: Attempt, message: ServiceBusMembers, *, now: datetime
) -> ServiceBusMessage:
    """Return what is sent; without an id of the job's own it has the execution's, so that repetitions are known.

    Raises:
        NotSentError: a property cannot be what it is.
    """
    given = message.brokered_message_properties or BrokeredMessageProperties()
    own = message.custom_message_properties or {}
    try:
        made = ServiceBusMessage(
            message.message or "",
            application_properties={name: value for name, value in own.items()},
            session_id=given.session_id,
            message_id=given.message_id or attempt.execution_id,
            content_type=given.content_type,
            correlation_id=given.correlation_id,
            to=given.to,
            reply_to=given.reply_to,
            reply_to_session_id=given.reply_to_session_id,
            subject=given.label,
            scheduled_enqueue_time_utc=given.scheduled_enqueue_time_utc,
            partition_key=given.partition_key,
        )
    except ValueError as error:
        # Too long, or a partition key beside a session id that differs.
        raise NotSentError(NotSent.NOT_SENDABLE, str(error)) from error
    set_what_has_no_argument(made, given, now=now)
    return made


def set_what_has_no_argument(
    made: ServiceBusMessage, given: BrokeredMessageProperties, *, now: datetime
) -> None:
    raw = made.raw_amqp_message
    if given.via_partition_key is not None:
        raw.annotations = {**(raw.annotations or {}), VIA_PARTITION_KEY: given.via_partition_key}
    if given.force_persistence is not None and raw.header is not None:
        raw.header.durable = given.force_persistence
    if given.time_to_live is not None:
        set_time_to_live(made, remaining(given.time_to_live, now=now), now=now)


def remaining(time_to_live: datetime | timedelta, *, now: datetime) -> timedelta:
    """Return how long a message lives that is sent `now`: whole seconds, as the SDK has them.

    Raises:
        NotSentError: not at all.
    """
    left = time_to_live - now if isinstance(time_to_live, datetime) else time_to_live
    if left <= timedelta(0):
        raise NotSentError(NotSent.NOT_SENDABLE, "its timeToLive is over")
    return timedelta(seconds=ceil(left.total_seconds()))


def set_time_to_live(made: ServiceBusMessage, left: timedelta, *, now: datetime) -> None:
    properties = made.raw_amqp_message.properties
    if left <= LONGEST_IN_HEADER or properties is None:
        made.time_to_live = left
        return
    # Beyond the header's range the broker takes the difference of the two.
    created = to_microseconds(now) // 1000
    properties.creation_time = created
    properties.absolute_expiry_time = min(
        created + left // timedelta(milliseconds=1), LATEST_EXPIRY
    )
