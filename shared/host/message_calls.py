"""Calling a function for messages, and settling them by how that ended."""

import logging
from collections.abc import Sequence
from typing import Any

from shared.errors import InvocationError, MessageLockLostError, SessionLockLostError, TocsinError
from shared.host.functions import HostedFunction, MessageTrigger
from shared.host.invocation import Invoker
from shared.host.messages import message_argument
from shared.host.renewal import log_lost_lock
from shared.messaging.broker import Receiver
from shared.messaging.message import ReceivedMessage

logger = logging.getLogger(__name__)


class MessageCalls:
    """The calls of one function."""

    def __init__(self, function: HostedFunction, *, invoker: Invoker) -> None:
        """The function's trigger is one of messages."""
        trigger = function.trigger
        assert isinstance(trigger, MessageTrigger)
        self.trigger = trigger
        self._function = function
        self._invoker = invoker

    async def succeeds(self, messages: Sequence[ReceivedMessage]) -> bool:
        """Call the function and say whether it and its outputs succeeded; a failure is logged."""

        def argument() -> Any:
            return message_argument(self.trigger, messages)

        try:
            await self._invoker.invoke(self._function, argument)
        except InvocationError:
            return False
        return True

    async def settle(
        self, receiver: Receiver, message: ReceivedMessage, *, succeeded: bool
    ) -> bool:
        """Complete or abandon, and say whether that worked; if not, the message comes back when its lock ends."""
        settle = receiver.complete if succeeded else receiver.abandon
        try:
            await settle(message)
        except (MessageLockLostError, SessionLockLostError):
            log_lost_lock(self.trigger.entity, message)
            return False
        except Exception as error:  # the broker's trouble must not end the pump
            logger.warning(
                "cannot settle a message of %s: %s",
                self.trigger.entity,
                error,
                exc_info=not isinstance(error, TocsinError),
                extra={"action": "settle", "entity": self.trigger.entity},
            )
            return False
        return True
