"""The door: commands become operations, whether they came over HTTP or by a queue."""

from collections.abc import Mapping, Sequence

from shared.clock import Clock
from shared.connector.announcements import attribute_text
from shared.connector.drafts import Drafts, Origin
from shared.connector.operations import Operation, ReplyTo
from shared.connector.rejection import QueueMessage, Rejections
from shared.connector.store import Acceptance, OperationStore
from shared.connector.terms import Terms
from shared.errors import ConflictError, Fault, InvalidRequestError
from shared.storable import is_storable
from shared.trace_context import passed_on
from shared.wire.commands import Command, parse_commands

LONGEST_KEY = 256
LONGEST_SESSION_ID = 128
"""As Service Bus has it; no queue takes a reply with a longer one."""


class Door:
    """Accepts commands; what it returns is durable."""

    def __init__(
        self,
        store: OperationStore,
        *,
        terms: Terms,
        drafts: Drafts,
        rejections: Rejections,
        reply_queues: Mapping[str, str],
        clock: Clock,
    ) -> None:
        """`reply_queues` are those that replies may go to, by their names in lower case."""
        self._store = store
        self._terms = terms
        self._drafts = drafts
        self._rejections = rejections
        self._reply_queues = reply_queues
        self._clock = clock

    async def accept(
        self,
        commands: Sequence[Command],
        *,
        caller: str,
        key: str | None,
        correlation_id: str | None,
        traceparent: str | None = None,
        reply_to: ReplyTo | None = None,
    ) -> list[Operation]:
        """Accept all commands in their order or none; a repeat of `key` returns the operations it made.

        Raises:
            ConflictError: the caller used the key for another request within 24 hours.
            InvalidRequestError: the key is empty, too long or not printable.
            NotSupportedError: the Scheduler does not know one of the commands.
        """
        if key is not None and not is_printable(key, longest=LONGEST_KEY):
            raise InvalidRequestError(
                [Fault("Idempotency-Key", f"must have 1 to {LONGEST_KEY} printable characters")]
            )
        self._terms.check(commands)
        now = self._clock.now()
        fingerprint = "" if key is None else self._drafts.fingerprint(commands, reply_to)
        origin = Origin(
            caller=caller,
            correlation_id=correlation_id and attribute_text(correlation_id),
            traceparent=passed_on(traceparent),
            reply_to=reply_to,
            requested_at=now,
        )
        operations = [self._drafts.operation(command, origin) for command in commands]
        return await self._store.accept(
            Acceptance(
                operations=operations, caller=caller, key=key, fingerprint=fingerprint, now=now
            )
        )

    async def accept_message(self, message: QueueMessage) -> list[Operation]:
        """Accept the commands in a message of a queue; one that is no command is rejected and returns none."""
        try:
            commands, reply_to = self._read(message)
            return await self.accept(
                commands,
                caller=message.caller,
                key=message.key,
                correlation_id=message.correlation_id,
                traceparent=message.traceparent,
                reply_to=reply_to,
            )
        except (InvalidRequestError, ConflictError) as error:
            await self._rejections.reject(message, error)
            return []

    def _read(self, message: QueueMessage) -> tuple[list[Command], ReplyTo | None]:
        """Return what a message asks for, and where to tell of the end; raises InvalidRequestError with every fault."""
        faults: list[Fault] = []
        commands: list[Command] = []
        try:
            commands = parse_commands(message.body)
        except InvalidRequestError as error:
            faults += error.faults
        reply_to = self._read_reply_to(message, faults)
        if faults:
            raise InvalidRequestError(faults)
        return commands, reply_to

    def _read_reply_to(self, message: QueueMessage, faults: list[Fault]) -> ReplyTo | None:
        if message.reply_to is None:
            return None
        queue = self._reply_queues.get(message.reply_to.lower())
        if queue is None:
            faults.append(Fault("reply_to", "is no queue that TOCSIN_REPLY_QUEUES allows"))
        session_id = message.reply_to_session_id
        if session_id is not None and not is_printable(session_id, longest=LONGEST_SESSION_ID):
            faults.append(
                Fault(
                    "reply_to_session_id",
                    f"must have 1 to {LONGEST_SESSION_ID} printable characters",
                )
            )
        correlation_id = message.correlation_id or message.message_id
        if correlation_id is not None and not is_storable(correlation_id):
            # A reply must bring it back as it came, or nobody knows what the reply is about.
            faults.append(Fault("correlation_id", "must hold no NUL and be text of Unicode"))
        if faults:
            return None
        return ReplyTo(queue=queue or "", session_id=session_id, correlation_id=correlation_id)


def is_printable(text: str, *, longest: int) -> bool:
    return 1 <= len(text) <= longest and text.isprintable()
