"""The filters of a subscription's rules: Service Bus' correlation filters and its SQL filter language. Pure."""

from shared.messaging.filters.matching import compile_filter

__all__ = ["compile_filter"]
