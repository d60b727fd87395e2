"""How sessions are asked for, by the SDK and at the edges of what can be asked."""

from datetime import timedelta
from typing import Any

import pytest
from azure.servicebus import (
    NEXT_AVAILABLE_SESSION,
)
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import (
    OperationTimeoutError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)

from tests.shared.messaging.amqp.sdk import (
    LOCK,
    SESSIONS,
    Sdk,
    active,
    description,
    messages,
    texts,
)
from tests.shared.messaging.amqp.serving import serving

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_session_is_received_in_order_and_has_a_state(sdk: Sdk) -> None:
    await sdk.send(*messages("a", "b", session_id="s1"), queue=SESSIONS)
    receiver = await sdk.opened(
        sdk.client.get_queue_receiver(SESSIONS, session_id=NEXT_AVAILABLE_SESSION, keep_alive=None)
    )
    session = receiver.session

    received = await sdk.call(receiver.receive_messages, 2)
    states = [await sdk.call(session.get_state)]
    await sdk.call(session.set_state, b"\x00state")
    states.append(await sdk.call(session.get_state))
    await sdk.call(receiver.complete_message, received[0])
    await sdk.call(receiver.defer_message, received[1])
    peeked = await sdk.call(receiver.peek_messages, sequence_number=1)
    [again] = await sdk.call(receiver.receive_deferred_messages, received[1].sequence_number)
    await sdk.call(receiver.complete_message, again)
    await sdk.call(session.set_state, None)

    assert (session.session_id, texts(received)) == ("s1", ["a", "b"])
    assert [states, texts(peeked)] == [[None, b"\x00state"], ["b"]]
    assert await active(sdk.served, SESSIONS) == 0


async def test_session_is_held_by_one_until_it_is_closed_or_its_lock_ends(sdk: Sdk) -> None:
    def receiver() -> Any:
        return sdk.client.get_queue_receiver(SESSIONS, session_id="s2", keep_alive=None)

    holder = await sdk.opened(receiver())
    assert abs(holder.session.locked_until_utc - sdk.clock.now() - LOCK) < timedelta(seconds=1)
    with pytest.raises(SessionCannotBeLockedError):
        await sdk.opened(receiver())
    await sdk.clock.advance(LOCK * 0.8)
    await sdk.call(holder.session.renew_lock)
    await sdk.clock.advance(LOCK * 0.8)
    await sdk.call(holder.session.get_state)

    await sdk.clock.advance(LOCK)
    with pytest.raises(SessionLockLostError):
        await sdk.call(holder.session.get_state)
    await sdk.call((await sdk.opened(receiver())).close)


async def test_waiting_for_a_session_ends_when_the_client_says_so() -> None:
    async with (
        serving(description()) as served,
        ServiceBusClient.from_connection_string(served.connection_string, retry_total=0) as client,
    ):
        receiver = client.get_queue_receiver(
            SESSIONS, session_id=NEXT_AVAILABLE_SESSION, max_wait_time=0.1, keep_alive=None
        )

        with pytest.raises(OperationTimeoutError, match="com.microsoft:timeout"):
            await receiver.__aenter__()
        await receiver.close()
