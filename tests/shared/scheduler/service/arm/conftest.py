import pytest

from tests.shared.scheduler.scheduler_stack import Stack
from tests.shared.scheduler.service.arm.requests import prepare


@pytest.fixture
async def arm(stack: Stack) -> Stack:
    """A stack with a collection that was made through ARM."""
    await prepare(stack)
    return stack
