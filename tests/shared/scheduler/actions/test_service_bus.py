import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from shared.clock import SystemClock
from shared.errors import ConfigurationError
from shared.scheduler.action import Attempt
from shared.scheduler.actions.service_bus import TIME_LIMIT, ServiceBusAction
from shared.wire.json_types import Json, JsonObject
from tests.contracts.action import ActionContract, Behaviour
from tests.shared.scheduler.actions.attempts import publishing, sending, shared_access
from tests.shared.scheduler.actions.calling import SEALER
from tests.shared.scheduler.actions.service_bus_target import (
    KEY,
    MOST_BYTES,
    ServiceBusTarget,
    serving_service_bus,
)


def service_bus_action(endpoint: str, *, time_limit: timedelta = TIME_LIMIT) -> ServiceBusAction:
    return ServiceBusAction(
        sealer=SEALER, endpoint=endpoint, clock=SystemClock(), time_limit=time_limit
    )


@dataclass
class AimedEntity:
    target: ServiceBusTarget
    action: ServiceBusAction

    @property
    def attempt(self) -> Attempt:
        return sending(message=f"the {KEY}")

    @property
    def secrets(self) -> list[str]:
        signatures = [parse_qs(token)["sig"][0] for token in self.target.tokens]
        return [KEY, *signatures]

    @property
    def received(self) -> list[str]:
        return self.target.ids

    def behave(self, behaviour: Behaviour) -> None:
        self.target.behaviour = behaviour


class TestServiceBusAction(ActionContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AimedEntity]:
        async with serving_service_bus(self.folder) as target:
            action = service_bus_action(target.endpoint, time_limit=timedelta(seconds=3))
            yield AimedEntity(target, action)
            await action.close()


@pytest.fixture
async def action(target: ServiceBusTarget) -> AsyncIterator[ServiceBusAction]:
    action = service_bus_action(target.endpoint)
    yield action
    await action.close()


async def test_a_queue_holds_the_message_with_its_properties(
    target: ServiceBusTarget, action: ServiceBusAction
) -> None:
    properties: JsonObject = {
        "contentType": "text/x",
        "correlationId": "c1",
        "forcePersistence": True,
        "label": "l1",
        "messageId": "m1",
        "partitionKey": "s1",
        "replyTo": "r1",
        "replyToSessionId": "rs1",
        "sessionId": "s1",
        "timeToLive": "60.00:00:00",
        "to": "t1",
        "viaPartitionKey": "v1",
    }
    own: JsonObject = {"Key": "ü", "key": "2"}

    outcome = await action.execute(
        sending(message="größer", brokeredMessageProperties=properties, customMessageProperties=own)
    )

    assert outcome.is_success
    assert outcome.message == (
        "ServiceBusQueue Action - Message succeeded: queue 'q1' of namespace 'n1'"
    )
    [message] = await target.messages("q1")
    assert (message.body.decode(), message.application_properties) == ("größer", own)
    assert (message.message_id, message.session_id) == ("m1", "s1")
    assert (message.content_type, message.correlation_id) == ("text/x", "c1")
    assert (message.subject, message.to, message.reply_to) == ("l1", "t1", "r1")
    assert message.time_to_live == timedelta(days=60)


async def test_every_subscription_of_a_topic_holds_the_message(
    target: ServiceBusTarget, action: ServiceBusAction
) -> None:
    outcome = await action.execute(publishing("t1"))

    assert outcome.message == (
        "ServiceBusTopic Action - Message succeeded: topic 't1' of namespace 'n1'"
    )
    [message] = await target.messages("t1/Subscriptions/s1")
    assert (message.body, message.message_id) == (b"the text", "e1b0c442")


async def test_a_message_waits_until_it_is_to_be_enqueued(
    target: ServiceBusTarget, action: ServiceBusAction
) -> None:
    later: JsonObject = {"scheduledEnqueueTimeUtc": "2999-03-01T06:00:00Z"}

    await action.execute(sending(brokeredMessageProperties=later))

    [message] = await target.messages("q1")
    assert message.scheduled_enqueue_time == datetime(2999, 3, 1, 6, tzinfo=UTC)


async def test_a_queue_that_detects_duplicates_holds_a_repeated_attempt_once(
    target: ServiceBusTarget, action: ServiceBusAction
) -> None:
    for number, execution_id in ((1, "e1"), (2, "e1"), (1, "e2")):
        again = replace(sending("unique"), number=number, execution_id=execution_id)
        assert (await action.execute(again)).is_success

    ids = [message.message_id for message in await target.messages("unique")]
    assert (ids, target.ids) == (["e1", "e2"], ["e1", "e1", "e2"])


async def test_one_link_serves_queues_in_any_case_and_each_key_has_its_own(
    target: ServiceBusTarget, action: ServiceBusAction
) -> None:
    for queue in ("q1", "Q1", "q1"):
        assert (await action.execute(sending(queue))).is_success
    assert len(target.connections) == 1

    outcome = await action.execute(sending(authentication=shared_access("another")))

    assert not outcome.is_success
    assert len(target.connections) == 2


@pytest.mark.parametrize(
    ("attempt", "reason", "failure"),
    [
        (
            sending("missing"),
            "entity_not_found",
            "queue 'missing' of namespace 'n1': MessagingEntityNotFound There is none of this name",
        ),
        (
            sending(authentication=shared_access("wrong")),
            "unauthorized",
            "queue 'q1' of namespace 'n1': UnauthorizedAccess The key is not allowed to send there",
        ),
        (
            sending(message="x" * MOST_BYTES),
            "message_size_exceeded",
            "queue 'q1' of namespace 'n1': MessageSizeExceeded The message is larger than it takes",
        ),
        (
            sending("sessions"),
            "refused",
            "queue 'sessions' of namespace 'n1':"
            " Messaging The service refused the message: amqp:not-allowed",
        ),
        (
            sending("full"),
            "quota_exceeded",
            "queue 'full' of namespace 'n1':"
            " QuotaExceeded It is full, or the namespace has too many connections",
        ),
    ],
    ids=["missing", "key", "large", "session", "full"],
)
async def test_what_the_service_refuses_is_told(
    target: ServiceBusTarget, attempt: Attempt, reason: str, failure: str
) -> None:
    action = service_bus_action(target.endpoint)
    outcome = await action.execute(attempt)
    await action.close()

    assert (outcome.is_success, outcome.reason) == (False, reason)
    assert outcome.message == f"ServiceBusQueue Action - Message failed: {failure}"


@pytest.mark.parametrize("shown", [None, {"type": "notSpecified"}])
async def test_without_a_key_nothing_is_sent(shown: Json) -> None:
    action = service_bus_action("amqp://127.0.0.1:1")
    outcome = await action.execute(sending(authentication=shown))

    assert outcome.reason == "no_key"
    assert outcome.message.endswith(
        ": NoAuthentication The action has no authentication of type sharedAccessKey"
    )


async def test_what_no_message_can_have_is_told() -> None:
    action = service_bus_action("amqp://127.0.0.1:1")
    outcome = await action.execute(sending(brokeredMessageProperties={"messageId": "m" * 129}))

    assert outcome.reason == "not_sendable"
    assert outcome.message.endswith(": message_id cannot be longer than 128 characters.")


@pytest.mark.parametrize("endpoint", ["amqp://127.0.0.1:1", "amqps://{namespace}.invalid"])
async def test_a_namespace_that_cannot_be_reached_is_told(endpoint: str) -> None:
    action = service_bus_action(endpoint)
    outcome = await action.execute(sending())
    await action.close()

    assert outcome.reason == "unreachable"
    assert outcome.message.endswith(
        ": MessagingCommunication The service cannot be reached, or the connection broke"
    )


async def test_p8_neither_record_nor_log_holds_what_a_broker_says(
    target: ServiceBusTarget, action: ServiceBusAction, caplog: pytest.LogCaptureFixture
) -> None:
    target.behaviour = Behaviour.ECHO
    with caplog.at_level(logging.WARNING):
        outcome = await action.execute(sending())

    [token] = target.tokens
    assert outcome.message.endswith("The service refused the message: amqp:not-allowed")
    assert parse_qs(token)["sig"][0] not in caplog.text + outcome.message
    assert KEY not in caplog.text


async def test_p9_a_key_that_names_an_endpoint_leads_to_no_other(
    target: ServiceBusTarget, action: ServiceBusAction
) -> None:
    assert "Endpoint=" in KEY

    assert (await action.execute(sending())).is_success
    assert len(target.connections) == 1


async def test_p8_a_key_of_another_job_does_not_open() -> None:
    with pytest.raises(ConfigurationError):
        await service_bus_action("amqp://127.0.0.1:1").execute(replace(sending(), job="hourly"))


def test_an_app_that_sends_nothing_does_not_import_the_sdk() -> None:
    program = "import sys, shared.scheduler.actions.service_bus;sys.exit('azure' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
