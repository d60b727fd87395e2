"""The filters and actions of a subscription's rules: Service Bus' correlation filters and its SQL language. Pure."""

from shared.messaging.filters.actions import compile_action
from shared.messaging.filters.matching import compile_filter

__all__ = ["compile_action", "compile_filter"]
