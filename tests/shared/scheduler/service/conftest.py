import pytest

from tests.shared.scheduler.engine_stack import EngineStack
from tests.shared.scheduler.scheduler_stack import Stack


@pytest.fixture
async def ready(stack: Stack) -> Stack:
    """A stack with a collection."""
    await stack.prepare()
    return stack


@pytest.fixture
def engine(ready: Stack) -> EngineStack:
    """The engine beside the service."""
    return ready.engine
