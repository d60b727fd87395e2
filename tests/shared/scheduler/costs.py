"""What something costs, in calls: a measure no busy machine disturbs."""

import gc
import sys
from collections.abc import Callable
from types import FrameType


def calls_of(act: Callable[[], object]) -> int:
    """Return how many functions `act` calls, of Python and of C."""
    calls = 0

    def profile(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    previous = sys.getprofile()
    gc.disable()  # what other tests have left would be finalized here, and counted
    sys.setprofile(profile)
    try:
        act()
    finally:
        sys.setprofile(previous)
        gc.enable()
    return calls
