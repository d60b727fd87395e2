from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from shared.clock import to_microseconds
from shared.errors import ConfigurationError
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.entities import (
    NamespaceDescription,
    QueueDescription,
    SubscriptionDescription,
    TopicDescription,
)
from shared.sql.database import Database
from tests.clocks import FakeClock
from tests.shared.messaging.embedded.cores import NO_WAIT, letter, lock, make_core

SUBSCRIPTION = "t/Subscriptions/s"


def described(*, requires_session: bool) -> NamespaceDescription:
    subscription = SubscriptionDescription(name="s", requires_session=requires_session)
    return NamespaceDescription(
        name="test",
        queues=(
            QueueDescription(name="Orders", requires_session=requires_session),
            QueueDescription(name="other"),
        ),
        topics=(TopicDescription(name="t", subscriptions=(subscription,)),),
    )


@asynccontextmanager
async def opened(
    database: Database, clock: FakeClock, *, requires_session: bool
) -> AsyncIterator[BrokerCore]:
    core = make_core(database, clock, described(requires_session=requires_session))
    try:
        await core.open()
        yield core
    finally:
        await core.close()


@pytest.mark.parametrize("before", [True, False])
async def test_an_entity_with_messages_keeps_what_it_requires_of_sessions(
    database: Database, clock: FakeClock, *, before: bool
) -> None:
    later = letter("later", session_id="a")
    later.due = to_microseconds(clock.now() + timedelta(hours=1))
    async with opened(database, clock, requires_session=before) as core:
        await core.send("orders", [letter("x", session_id="a"), later])
        await core.send("t", [letter("y", session_id="a")])
        await core.send("other", [letter("z")])

    with pytest.raises(ConfigurationError) as caught:
        async with opened(database, clock, requires_session=not before):
            pass
    async with opened(database, clock, requires_session=before) as core:
        counts = {each.path: each.active for each in await core.counts()}

    first, second = caught.value.message.splitlines()
    old, new = str(before).lower(), str(not before).lower()
    assert first.startswith(f"'orders' holds 2 messages sent with RequiresSession {old}")
    assert f"cannot become {new}" in first
    assert second.startswith(f"{SUBSCRIPTION.lower()!r} holds 1 message sent with")
    assert (counts["orders"], counts[SUBSCRIPTION.lower()]) == (1, 1)


async def test_an_entity_that_is_empty_but_for_dead_letters_may_change(
    database: Database, clock: FakeClock
) -> None:
    async with opened(database, clock, requires_session=True) as core:
        await core.send("orders", [letter("x", session_id="a"), letter("y", session_id="a")])
        session = await core.accept_session("orders", session_id="a", max_wait=NO_WAIT)
        done, bad = await lock(core, "orders", 2, session=session)
        await core.complete("orders", done.lock_token)
        await core.dead_letter("orders", bad.lock_token, reason=None, description=None)

    async with opened(database, clock, requires_session=False) as core:
        await core.send("orders", [letter("z")])
        assert len(await lock(core, "orders")) == 1
    with pytest.raises(ConfigurationError, match="'orders' holds 1 message sent with"):
        async with opened(database, clock, requires_session=True):
            pass


async def test_what_is_delivered_in_a_session_counts_too(
    database: Database, clock: FakeClock
) -> None:
    core = make_core(database, clock, described(requires_session=True))
    await core.open()
    await core.send("orders", [letter("x", session_id="a")])
    session = await core.accept_session("orders", session_id="a", max_wait=NO_WAIT)
    await lock(core, "orders", session=session)

    # The process was killed: nobody has closed the core.
    with pytest.raises(ConfigurationError, match="'orders' holds 1 message sent with"):
        async with opened(database, clock, requires_session=False):
            pass
    await core.close()
