"""The library's own converters between what functions handle and what the Functions host sends."""

from typing import Any

import azure.functions as func


def converter(binding_type: str) -> Any:
    """Return the converter of a binding type such as `serviceBusTrigger`; None where the library has none."""
    return func.get_binding_registry().get(binding_type)  # type: ignore[no-untyped-call] # theirs
