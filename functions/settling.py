"""How a queue function settles: it returns (the host completes) or raises (the host abandons)."""

import functools
from collections.abc import Awaitable, Callable
from datetime import timedelta

import azure.functions as func

from shared.bootstrap import application
from shared.clock import sleep

MAX_WAIT_SECONDS = 60

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
        except (
            Exception
        ):  # whatever it is, the message must come back, but not at once; the host logs it
            deliveries = message.delivery_count or 1
            wait = timedelta(seconds=min(2**deliveries, MAX_WAIT_SECONDS))
            await sleep((await application()).clock, wait)
            raise

    return settle
