"""The states of an event subscription and of a delivery, as they are stored and shown."""

from enum import StrEnum


class EventSubscriptionStatus(StrEnum):
    """Only an enabled one is sent anything; all but a disabled one get new deliveries, which wait for them.

    A pending one waits for its receiver to agree, a disabled one had a receiver that wants no more, or fails.
    """

    ENABLED = "enabled"
    PAUSED = "paused"
    PENDING = "pending"
    DISABLED = "disabled"


class DeliveryStatus(StrEnum):
    """Pending until the sink took it or every retry failed."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEADLETTERED = "deadlettered"
