from datetime import timedelta
from typing import Any

import azure.functions as func
import pytest

from shared.errors import TransientError
from shared.host.host_json import HostSettings
from shared.host.strict import StrictBroker
from shared.messaging.broker import SessionReceiver
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.message import ReceivedMessage
from tests.clocks import FakeClock, settle
from tests.shared.host.hosting import running
from tests.shared.host.sessions import BRIEF, Function, Plug, send_turns, turns_app


async def test_the_lock_of_a_session_is_renewed_while_its_message_runs(
    broker: EmbeddedBroker, clock: FakeClock
) -> None:
    function = Function()
    function.hold("a1")

    async with running(turns_app(function), broker=broker, clock=clock, settings=BRIEF):
        await send_turns(broker, "a1", "a2")
        for _ in range(8):
            await clock.advance(timedelta(seconds=30))
        await function.let_go("a1")

    assert function.began == ["a1", "a2"]


async def test_the_lock_is_renewed_no_longer_than_configured_and_its_loss_logged_once(
    broker: EmbeddedBroker, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    function = Function()
    function.hold("a1")
    settings = HostSettings(
        max_auto_lock_renewal=timedelta(seconds=90), session_idle_timeout=timedelta(seconds=2)
    )

    async with running(turns_app(function), broker=broker, clock=clock, settings=settings):
        await send_turns(broker, "a1", "a2")
        for _ in range(7):
            await clock.advance(timedelta(seconds=30))
        began = list(function.began)
        await function.let_go("a1")

    assert began == ["a1", "a1"]  # the second time while the first still ran
    assert function.began == ["a1", "a1", "a2"]
    actions = [getattr(record, "action", None) for record in caplog.records]
    assert actions.count("lock-lost") == 1


async def test_what_is_lost_by_the_time_of_a_renewal_is_not_settled_and_logged_once(
    broker: EmbeddedBroker, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    function = Function()
    function.hold("a1")

    async with running(turns_app(function), broker=broker, clock=clock, settings=BRIEF):
        await send_turns(broker, "a1", "a2")
        await settle()
        clock.set(clock.now() + timedelta(minutes=5))
        await clock.advance(timedelta(seconds=31))
        await function.let_go("a1")
        await clock.advance(timedelta(seconds=1))

    assert function.ended[-1] == "a2"
    actions = [getattr(record, "action", None) for record in caplog.records]
    assert actions.count("lock-lost") == 1


class AbandonsNothing:
    """A session whose broker cannot be told that a message was given up."""

    def __init__(self, session: SessionReceiver) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    async def abandon(self, message: ReceivedMessage) -> None:
        raise TransientError("the link was detached")


class FirstSessionAbandonsNothing(StrictBroker):
    """A broker that has such a session, once."""

    has_one = True

    async def accept_session(
        self, entity: str, *, session_id: str | None = None, max_wait: timedelta
    ) -> Any:
        session = await super().accept_session(entity, session_id=session_id, max_wait=max_wait)
        if self.has_one:
            self.has_one = False
            return AbandonsNothing(session)
        return session


async def test_p3_a_session_ends_with_a_message_of_which_nobody_knows_how_it_was_settled(
    broker: EmbeddedBroker, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    plug = Plug()
    plug.is_pulled = False
    began = []

    async def fails_first(message: func.ServiceBusMessage) -> None:
        began.append(message.get_body().decode())
        if len(began) == 1:
            raise RuntimeError("the database is down")

    half = FirstSessionAbandonsNothing(broker, random=plug)
    async with running(turns_app(fails_first), broker=half, clock=clock, settings=BRIEF):
        await send_turns(broker, "a1", "a2")
        await settle(200)

    assert began == ["a1", "a1", "a2"]
    assert "cannot settle a message of turns: the link was detached" in caplog.messages
