"""A process that uses a broker: `python -m tests.e2e.broker_worker ROLE NAME`, the connection string on stdin."""

import sys
from collections.abc import Callable

from azure.servicebus import (
    AutoLockRenewer,
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusReceivedMessage,
    ServiceBusReceiver,
)
from azure.servicebus.exceptions import MessageLockLostError

QUEUE = "orders"
EACH = 1000
AT_ONCE = 10
HELD = 3
LONG_SECONDS = 60


def tell(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def produce(client: ServiceBusClient, name: str) -> None:
    """Send so many, some alone and some together."""
    with client.get_queue_sender(QUEUE, keep_alive=None) as sender:
        for first in range(0, EACH, 2 * AT_ONCE):
            bodies = [f"{name}-{number}" for number in range(first, first + 2 * AT_ONCE)]
            sender.send_messages([ServiceBusMessage(body) for body in bodies[:AT_ONCE]])
            for body in bodies[AT_ONCE:]:
                sender.send_messages(ServiceBusMessage(body))
    tell("sent", EACH)


def consume(client: ServiceBusClient, _: str) -> None:
    """Complete what comes, for ever."""
    with client.get_queue_receiver(QUEUE, prefetch_count=AT_ONCE, keep_alive=None) as receiver:
        for message in receiver:
            complete(receiver, message)


def hold(client: ServiceBusClient, _: str) -> None:
    """Receive some, renew their locks, and complete them when told to."""
    with (
        client.get_queue_receiver(QUEUE, keep_alive=None) as receiver,
        AutoLockRenewer() as renewer,
    ):
        messages = receiver.receive_messages(HELD, max_wait_time=LONG_SECONDS)
        for message in messages:
            renewer.register(receiver, message, max_lock_renewal_duration=LONG_SECONDS)
        tell("holding", len(messages))
        sys.stdin.readline()
        for message in messages:
            complete(receiver, message)


def complete(receiver: ServiceBusReceiver, message: ServiceBusReceivedMessage) -> None:
    try:
        receiver.complete_message(message)
    except MessageLockLostError:
        tell("lost", message, message.delivery_count)
    else:
        tell("completed", message, message.delivery_count)


ROLES: dict[str, Callable[[ServiceBusClient, str], None]] = {
    "produce": produce,
    "consume": consume,
    "hold": hold,
}


def main() -> None:
    role, name = sys.argv[1:]
    connection = sys.stdin.readline().strip()
    with ServiceBusClient.from_connection_string(connection, retry_total=0) as client:
        ROLES[role](client, name)


if __name__ == "__main__":
    main()
