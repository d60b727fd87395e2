"""Demands that wait behind other work: only a database with group commit has them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.clock import SystemClock
from shared.errors import SessionLockLostError
from shared.messaging.embedded.core import BrokerCore
from shared.sql.sqlite import SqliteDatabase
from tests.clocks import FakeClock
from tests.contracts.broker_steps import ORDERED
from tests.shared.messaging.embedded.cores import NO_WAIT, letter, lock, make_core, payloads


@pytest.fixture
async def core(path: Path, clock: FakeClock) -> AsyncIterator[BrokerCore]:
    database = SqliteDatabase(path, clock=SystemClock())
    core = make_core(database, clock)
    await core.open()
    yield core
    await core.close()
    await database.close()


async def test_a_demand_that_comes_behind_the_end_of_its_session_locks_nothing(
    core: BrokerCore,
) -> None:
    """P7: what it locked would have stayed locked for ever, and later messages would have passed it."""
    await core.send(ORDERED, [letter("one", session_id="a")])
    session = await core.accept_session(ORDERED, session_id="a", max_wait=NO_WAIT)

    line = core.line(ORDERED, session)
    waiter = line.join(5)
    ending = asyncio.create_task(core.release_session(session))
    await asyncio.gather(ending, waiter.future)
    await core.send(ORDERED, [letter("two", session_id="a")])

    assert waiter.future.result() == []
    successor = await core.accept_session(ORDERED, session_id=None, max_wait=NO_WAIT)
    assert payloads(await lock(core, ORDERED, 5, session=successor)) == ["one", "two"]


async def test_a_demand_that_comes_behind_the_end_of_its_session_leaves_the_deferred(
    core: BrokerCore,
) -> None:
    (number,) = await core.send(ORDERED, [letter("one", session_id="a")])
    session = await core.accept_session(ORDERED, session_id="a", max_wait=NO_WAIT)
    (delivery,) = await lock(core, ORDERED, session=session)
    await core.defer(ORDERED, delivery.lock_token)

    ending = asyncio.create_task(core.release_session(session))
    late = asyncio.create_task(core.receive_deferred(ORDERED, [number], session=session))
    await asyncio.wait([ending, late])

    assert isinstance(late.exception(), SessionLockLostError)
    successor = await core.accept_session(ORDERED, session_id="a", max_wait=NO_WAIT)
    again = await core.receive_deferred(ORDERED, [number], session=successor)
    assert payloads(again) == ["one"]
