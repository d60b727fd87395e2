"""What every action does, whatever it calls."""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from enum import Enum, auto
from typing import Protocol

import pytest

from shared.scheduler.action import Action, Attempt

LONGEST_MESSAGE = 8000


class Behaviour(Enum):
    """What the target does with what it is sent."""

    TAKE = auto()
    REFUSE = auto()
    HANG_UP = auto()
    STAY_SILENT = auto()
    ECHO = auto()


class Aimed(Protocol):
    """An action and the target that its attempt leads to; the action gives up on silence within seconds."""

    @property
    def action(self) -> Action: ...

    @property
    def attempt(self) -> Attempt:
        """One attempt with a secret in it."""

    @property
    def secrets(self) -> list[str]:
        """The secret of the attempt in every form in which the target is sent it."""

    @property
    def received(self) -> list[str]:
        """The execution of every attempt that the target was sent, by which it knows repetitions."""

    def behave(self, behaviour: Behaviour) -> None: ...


class ActionContract(ABC):
    """Subclass and say how an action with a target is opened."""

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[Aimed]: ...

    @pytest.fixture
    async def aimed(self) -> AsyncIterator[Aimed]:
        async with self.open() as aimed:
            yield aimed

    async def test_an_attempt_that_the_target_takes_succeeds(self, aimed: Aimed) -> None:
        outcome = await aimed.action.execute(aimed.attempt)

        assert outcome.is_success
        assert outcome.message

    async def test_every_attempt_of_an_execution_has_its_id(self, aimed: Aimed) -> None:
        for name, number in (("e7", 1), ("e7", 2), ("e7", 2), ("e8", 1)):
            await aimed.action.execute(replace(aimed.attempt, execution_id=name, number=number))

        assert aimed.received == ["e7", "e7", "e7", "e8"]

    async def test_many_at_once_are_all_sent(self, aimed: Aimed) -> None:
        names = [f"e{count}" for count in range(50)]

        outcomes = await asyncio.gather(
            *(aimed.action.execute(replace(aimed.attempt, execution_id=name)) for name in names)
        )

        assert all(outcome.is_success for outcome in outcomes)
        assert sorted(aimed.received) == sorted(names)

    @pytest.mark.parametrize(
        "behaviour", [Behaviour.REFUSE, Behaviour.HANG_UP, Behaviour.STAY_SILENT]
    )
    async def test_whatever_the_target_does_is_an_outcome(
        self, aimed: Aimed, behaviour: Behaviour
    ) -> None:
        aimed.behave(behaviour)

        outcome = await aimed.action.execute(aimed.attempt)

        assert not outcome.is_success
        assert outcome.message

    async def test_a_target_that_recovers_is_called_again(self, aimed: Aimed) -> None:
        aimed.behave(Behaviour.HANG_UP)
        await aimed.action.execute(aimed.attempt)
        aimed.behave(Behaviour.TAKE)

        assert (await aimed.action.execute(aimed.attempt)).is_success

    async def test_p8_what_was_sent_in_secret_is_in_no_message(self, aimed: Aimed) -> None:
        aimed.behave(Behaviour.ECHO)

        outcome = await aimed.action.execute(aimed.attempt)

        assert not [secret for secret in aimed.secrets if secret in outcome.message]

    async def test_a_message_can_be_stored_and_is_bounded(self, aimed: Aimed) -> None:
        aimed.behave(Behaviour.ECHO)
        large = replace(aimed.attempt, region="\N{SNOWMAN}" * 2000)

        for attempt in (aimed.attempt, large):
            message = (await aimed.action.execute(attempt)).message
            assert len(message) <= LONGEST_MESSAGE
            assert json.loads(json.dumps(message)) == message
            assert "\0" not in message

    async def test_it_can_be_closed_twice_and_used_again(self, aimed: Aimed) -> None:
        await aimed.action.execute(aimed.attempt)
        await aimed.action.close()
        await aimed.action.close()

        assert (await aimed.action.execute(aimed.attempt)).is_success
