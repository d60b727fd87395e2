"""How a queue function settles: it returns (the host completes) or raises (the host abandons)."""

import functools
from collections.abc import Awaitable, Callable
from datetime import timedelta

import azure.functions as func

from shared.bootstrap import clock

LONGEST_WAIT = timedelta(seconds=60)
LONGEST_EXPONENT = 6

QueueFunction = Callable[[func.ServiceBusMessage], Awaitable[None]]


def backing_off(function: QueueFunction) -> QueueFunction:
    """Wait under the message's lock before a failure reaches the host.

    An abandoned message comes back at once, so without the wait its deliveries would be used up within seconds, long
    before a database that fails over is back.
    """

    @functools.wraps(function)
    async def settle(message: func.ServiceBusMessage) -> None:
        try:
            await function(message)
        except Exception:
            # Whatever it is, also an application that cannot be opened: the message must come back, and not at once.
            # The host logs it.
            deliveries = min(message.delivery_count or 1, LONGEST_EXPONENT)
            await clock().sleep(min(timedelta(seconds=2**deliveries), LONGEST_WAIT))
            raise

    return settle
