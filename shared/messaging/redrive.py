"""Dead letters, moved back to where they came from."""

import re
from dataclasses import replace
from datetime import timedelta

from shared.messaging.broker import Broker

AT_ONCE = 50
NO_WAIT = timedelta(0)
SUBSCRIPTION = re.compile("/subscriptions/", re.IGNORECASE)


async def redrive(broker: Broker, entity: str, *, limit: int) -> int:
    """Move up to `limit` dead letters of a queue or subscription back, oldest first, and return how many.

    Those of a subscription go to its topic, since nothing can be sent to a subscription: every one whose rules they
    match gets them. A copy is sent before its letter is completed, so a crash doubles one and loses none. It has the
    old id: where duplicates are detected it is dropped while that id is known.
    """
    target = SUBSCRIPTION.split(entity)[0]
    receiver = broker.receiver(f"{entity}/$DeadLetterQueue")
    moved = 0
    while moved < limit:
        letters = await receiver.receive(max_messages=min(limit - moved, AT_ONCE), max_wait=NO_WAIT)
        if not letters:
            break
        for letter in letters:
            await broker.send(target, [replace(letter.message, scheduled_enqueue_time=None)])
            await receiver.complete(letter)
            moved += 1
    return moved
