from datetime import timedelta

import pytest

from shared.scheduler.claiming import Claims
from shared.scheduler.engine import Ticker
from shared.scheduler.executions import Executions
from shared.scheduler.limits import Limits
from shared.scheduler.recording import Recorder
from shared.scheduler.retry import Retries
from shared.scheduler.starting import Starter
from shared.scheduler.sweep import Sweep
from tests.shared.scheduler.engine_stack import EngineStack, RecordingAction
from tests.shared.scheduler.scheduler_stack import Stack


@pytest.fixture
async def ready(stack: Stack) -> Stack:
    """A stack with a collection."""
    await stack.prepare()
    return stack


@pytest.fixture
def engine(ready: Stack) -> EngineStack:
    """The engine on the same store; it claims up to a minute and a half ahead, as on a timer."""
    action = RecordingAction()
    limits = Limits(attempts_per_host=1000, starts_per_second=1000)
    claims = Claims(
        ready.store, ready.planner, ready.outgoing, new_id=(f"x{n}" for n in range(10**6)).__next__
    )
    return EngineStack(
        database=ready.database,
        broker=ready.broker,
        store=ready.store,
        outgoing=ready.outgoing,
        planner=ready.planner,
        ticker=Ticker(ready.database, claims, clock=ready.clock, horizon=timedelta(seconds=90)),
        executions=Executions(
            ready.database,
            action,
            starter=Starter(ready.store, ready.outgoing, limits),
            recorder=Recorder(
                ready.store,
                ready.outgoing,
                retries=Retries(count=1, interval=timedelta(seconds=30)),
            ),
            outgoing=ready.outgoing,
            clock=ready.clock,
        ),
        sweep=Sweep(ready.database, ready.store, ready.outgoing),
        action=action,
        clock=ready.clock,
        collection_id=1,
    )
