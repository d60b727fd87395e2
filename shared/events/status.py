"""The states of an event subscription and of a delivery, as they are stored and shown."""

from enum import StrEnum


class EventSubscriptionStatus(StrEnum):
    """Only an enabled one gets new deliveries."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class DeliveryStatus(StrEnum):
    """Pending until the sink took it or every retry failed."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEADLETTERED = "deadlettered"
