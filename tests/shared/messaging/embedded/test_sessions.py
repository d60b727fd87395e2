import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from shared.errors import (
    MessageLockLostError,
    MessageSizeExceededError,
    PermanentError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.embedded.envelope import SessionLock
from shared.sql.database import Database
from tests.clocks import FakeClock, settle
from tests.contracts.broker_steps import BY_SESSION, LOCK, ORDERED, soon
from tests.shared.messaging.embedded.cores import FORGED, NO_WAIT, letter, lock, make_core, payloads


@pytest.fixture
async def core(database: Database, clock: FakeClock) -> AsyncIterator[BrokerCore]:
    core = make_core(database, clock)
    await core.open()
    yield core
    await core.close()


async def accept(core: BrokerCore, session_id: str | None = None) -> SessionLock:
    return await core.accept_session(ORDERED, session_id=session_id, max_wait=NO_WAIT)


async def send(core: BrokerCore, *sessions: str) -> None:
    await core.send(ORDERED, [letter("x", session_id=session_id) for session_id in sessions])


async def test_sessions_come_in_turn_however_many_messages_each_has(core: BrokerCore) -> None:
    await send(core, "b", "a", "a", "a", "c")

    turns = []
    for _ in range(7):
        session = await accept(core)
        turns.append(session.session_id)
        await core.release_session(session)

    assert "".join(turns) == "abcabca"


async def test_session_that_is_held_is_passed_over(core: BrokerCore) -> None:
    await send(core, "a", "b", "c")
    await accept(core, "b")

    found = [(await accept(core)).session_id for _ in range(2)]

    assert found == ["a", "c"]
    with pytest.raises(SessionCannotBeLockedError):
        await accept(core)


async def test_every_waiting_caller_gets_a_session_of_its_own(core: BrokerCore) -> None:
    waiting = [
        asyncio.ensure_future(core.accept_session(ORDERED, session_id=None, max_wait=None))
        for _ in range(5)
    ]
    await settle()

    await send(core, *"abcde", *"abcde")

    locks = await soon(asyncio.gather(*waiting))
    assert sorted(one.session_id for one in locks) == list("abcde")


async def test_caller_that_is_cancelled_takes_no_session_with_it(core: BrokerCore) -> None:
    for turns in range(8):
        waiting = asyncio.ensure_future(
            core.accept_session(ORDERED, session_id=None, max_wait=None)
        )
        await settle()
        await send(core, "a")
        await settle(turns)
        waiting.cancel()
        await asyncio.wait([waiting])
        session = await accept(core) if waiting.cancelled() else waiting.result()

        for delivery in await lock(core, ORDERED, session=session):
            assert delivery.delivery_count == 1
            await core.complete(ORDERED, delivery.lock_token)
        await core.release_session(session)


async def test_session_of_another_entity_opens_nothing(core: BrokerCore) -> None:
    await send(core, "a")
    session = await core.accept_session(BY_SESSION, session_id="a", max_wait=NO_WAIT)

    with pytest.raises(SessionLockLostError):
        await lock(core, ORDERED, session=session)


async def test_renewal_moves_the_end_of_one_session_alone(
    core: BrokerCore, clock: FakeClock
) -> None:
    first, second = await accept(core, "a"), await accept(core, "b")
    await settle()

    await clock.advance(LOCK / 2)
    await core.renew_session(first)
    await clock.advance(LOCK / 2)

    assert not first.lost.is_set()
    assert second.lost.is_set()
    await clock.advance(LOCK / 2)
    assert first.lost.is_set()


async def test_released_session_is_not_lost_and_can_be_released_again(core: BrokerCore) -> None:
    session = await accept(core, "a")

    await core.release_session(session)
    again = await accept(core, "a")
    await core.release_session(session)

    assert not session.lost.is_set()
    core.check_session(again)


async def test_session_is_named_while_its_end_is_being_written(
    core: BrokerCore, clock: FakeClock
) -> None:
    await send(core, "a")
    session = await accept(core, "a")
    await lock(core, ORDERED, session=session)
    clock.set(clock.now() + LOCK)
    waiting = asyncio.ensure_future(accept(core, "a"))
    await settle()
    assert not waiting.done()

    await clock.advance(NO_WAIT)

    again = await soon(waiting)

    assert payloads(await lock(core, ORDERED, session=again)) == ["x"]


async def test_session_whose_end_cannot_be_written_is_freed_later(
    core: BrokerCore, database: Database, clock: FakeClock
) -> None:
    await send(core, "a")
    session = await accept(core)
    await lock(core, ORDERED, session=session)
    await database.run(lambda tx: tx.driver.execute("ALTER TABLE message RENAME TO gone") and None)

    with pytest.raises(sqlite3.OperationalError):
        await core.release_session(session)
    await settle()
    await database.run(lambda tx: tx.driver.execute("ALTER TABLE gone RENAME TO message") and None)
    waiting = asyncio.ensure_future(
        core.accept_session(ORDERED, session_id=None, max_wait=timedelta(minutes=1))
    )
    await settle()
    assert not waiting.done()
    await clock.advance(timedelta(seconds=1))

    again = await soon(waiting)
    assert payloads(await lock(core, ORDERED, session=again)) == ["x"]


async def test_lock_of_a_session_that_is_gone_settles_nothing(
    core: BrokerCore, clock: FakeClock
) -> None:
    await core.send(ORDERED, [letter("a", session_id="s")])
    session = await core.accept_session(ORDERED, session_id="s", max_wait=NO_WAIT)
    (delivery,) = await lock(core, ORDERED, session=session)
    await settle()
    await clock.advance(LOCK)

    assert session.lost.is_set()
    for token in (delivery.lock_token, FORGED):
        with pytest.raises((SessionLockLostError, MessageLockLostError)):
            await core.complete(ORDERED, token)
    with pytest.raises(SessionLockLostError):
        await lock(core, ORDERED, session=session)


async def test_session_lock_that_ended_settles_nothing_even_when_the_timer_is_late(
    core: BrokerCore, clock: FakeClock
) -> None:
    await core.send(ORDERED, [letter("a", session_id="s")])
    session = await core.accept_session(ORDERED, session_id="s", max_wait=NO_WAIT)
    (delivery,) = await lock(core, ORDERED, session=session)

    clock.set(clock.now() + LOCK)

    for settling in (
        core.complete(ORDERED, delivery.lock_token),
        core.abandon(ORDERED, delivery.lock_token),
        core.release(ORDERED, delivery.lock_token),
    ):
        with pytest.raises(SessionLockLostError):
            await settling


async def test_who_waits_in_a_session_learns_that_its_lock_is_lost(
    core: BrokerCore, clock: FakeClock
) -> None:
    session = await core.accept_session(ORDERED, session_id="s", max_wait=NO_WAIT)
    waiting = asyncio.ensure_future(
        core.lock(ORDERED, max_messages=1, max_wait=None, session=session)
    )
    await settle()

    await clock.advance(LOCK)

    with pytest.raises(SessionLockLostError):
        await soon(waiting)


async def test_message_lock_is_not_renewed_where_the_session_is_what_is_locked(
    core: BrokerCore,
) -> None:
    with pytest.raises(PermanentError, match="renew the session's lock"):
        await core.renew(ORDERED, FORGED)


async def test_sessions_are_listed_by_their_ids(core: BrokerCore) -> None:
    await core.send(ORDERED, [letter("x", session_id=name) for name in ("c", "a", "c")])
    await core.set_session_state(ORDERED, "b", b"state")

    assert await core.sessions(ORDERED, skip=0, top=10) == ["a", "b", "c"]
    assert await core.sessions(ORDERED, skip=1, top=1) == ["b"]


async def test_state_is_no_larger_than_a_message(core: BrokerCore) -> None:
    await core.set_session_state(ORDERED, "a", bytes(262_144))

    with pytest.raises(MessageSizeExceededError):
        await core.set_session_state(ORDERED, "a", bytes(262_145))


async def test_closed_core_gives_back_what_its_sessions_hold(
    core: BrokerCore, database: Database, clock: FakeClock
) -> None:
    await core.send(ORDERED, [letter("a", session_id="s")])
    session = await core.accept_session(ORDERED, session_id=None, max_wait=NO_WAIT)
    await lock(core, ORDERED, session=session)

    await core.close()

    successor = make_core(database, clock)
    session = await successor.accept_session(ORDERED, session_id=None, max_wait=NO_WAIT)
    assert payloads(await lock(successor, ORDERED, session=session)) == ["a"]
    await successor.close()


async def test_p7_successor_of_a_dead_process_finds_sessions_free_and_in_order(
    core: BrokerCore, database: Database, clock: FakeClock
) -> None:
    await core.send(ORDERED, [letter(name, session_id="s") for name in "abc"])
    session = await core.accept_session(ORDERED, session_id="s", max_wait=NO_WAIT)
    await core.set_session_state(ORDERED, "s", b"half way")
    (first, second) = await lock(core, ORDERED, 2, session=session)
    await core.defer(ORDERED, first.lock_token)
    await core.receive_deferred(ORDERED, [first.sequence_number], session=session)

    successor = make_core(database, clock)
    await successor.open()

    session = await successor.accept_session(ORDERED, session_id=None, max_wait=NO_WAIT)
    assert await successor.session_state(ORDERED, "s") == b"half way"
    again = await lock(successor, ORDERED, 5, session=session)
    assert payloads(again) == ["b", "c"]
    assert [one.delivery_count for one in again] == [2, 1]
    aside = await successor.receive_deferred(ORDERED, [first.sequence_number], session=session)
    assert payloads(aside) == ["a"]
    assert second.sequence_number == again[0].sequence_number
    await successor.close()
