"""Calls of AWS: translated, bounded in time, and apart from each other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from shared.aws.clients import PER_ENDPOINT, THREADS, AwsClients
from shared.aws.refusals import AwsCallError
from tests.contracts.event_sink import Behaviour
from tests.shared.events.sinks.aws_destinations import REGION, TOPIC, clients_of, connection_to
from tests.shared.events.sinks.aws_wire import AwsWire, speaking_aws

QUEUE = f"https://sqs.{REGION}.amazonaws.com/123456789012/q"
BODY = '{"id": "e1"}'
SQS = ("sqs", REGION, "send_message_batch")
SQS_PARAMETERS = {"QueueUrl": QUEUE, "Entries": [{"Id": "0", "MessageBody": BODY}]}
SNS = ("sns", REGION, "publish_batch")
SNS_PARAMETERS = {
    "TopicArn": TOPIC,
    "PublishBatchRequestEntries": [{"Id": "0", "Message": BODY}],
}


@asynccontextmanager
async def clients_on(wire: AwsWire, *, seconds: float = 10) -> AsyncIterator[AwsClients]:
    clients = clients_of(connection_to(wire.url), seconds=seconds)
    try:
        yield clients
    finally:
        await clients.close()


async def test_a_call_goes_where_the_operator_says_and_no_file_or_variable_of_the_machine() -> None:
    async with speaking_aws() as wire, clients_on(wire) as clients:
        answer = await clients.call(*SQS, SQS_PARAMETERS)

        assert [one["Id"] for one in answer["Successful"]] == ["0"]
        assert wire.calls == [["e1"]]


async def test_p8_a_refusal_is_told_by_its_code_alone() -> None:
    async with speaking_aws() as wire, clients_on(wire) as clients:
        wire.whole = ("AccessDeniedException", "User arn:aws:iam::1:user/me may not s3cret")

        with pytest.raises(AwsCallError) as caught:
            await clients.call(*SQS, SQS_PARAMETERS)

        assert caught.value.code == "AccessDeniedException"
        assert caught.value.message == "sqs in eu-west-1: AccessDeniedException"
        assert not caught.value.is_too_large


async def test_nothing_is_tried_twice() -> None:
    async with speaking_aws() as wire, clients_on(wire) as clients:
        wire.behaviour = Behaviour.REFUSE

        with pytest.raises(AwsCallError, match="InternalError"):
            await clients.call(*SQS, SQS_PARAMETERS)

        assert len(wire.calls) == 1


async def test_what_is_wrong_on_the_way_has_the_name_of_it() -> None:
    clients = clients_of(connection_to("http://127.0.0.1:1"), seconds=10)

    with pytest.raises(AwsCallError, match="sqs in eu-west-1: EndpointConnectionError"):
        await clients.call(*SQS, SQS_PARAMETERS)

    await clients.close()


async def test_p6_an_endpoint_that_is_silent_keeps_four_threads_and_nobody_elses_calls() -> None:
    async with speaking_aws() as wire, clients_on(wire, seconds=1) as clients:
        await clients.call(*SNS, SNS_PARAMETERS)
        wire.silent = "sqs"
        waiting = [
            asyncio.create_task(clients.call(*SQS, SQS_PARAMETERS)) for _ in range(3 * THREADS)
        ]
        await wire.until_held(PER_ENDPOINT)

        await clients.call(*SNS, SNS_PARAMETERS)

        assert wire.held == PER_ENDPOINT
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_place_given_up_is_free_only_when_its_thread_is() -> None:
    async with speaking_aws() as wire, clients_on(wire, seconds=1) as clients:
        wire.silent = "sqs"
        hasty = timedelta(milliseconds=100)

        for _ in range(2):
            results = await asyncio.gather(
                *(clients.call(*SQS, SQS_PARAMETERS, within=hasty) for _ in range(PER_ENDPOINT)),
                return_exceptions=True,
            )
            assert all(isinstance(one, AwsCallError) for one in results)

        assert wire.held <= PER_ENDPOINT


async def test_who_is_late_or_waits_for_a_place_when_it_ends_is_told_so() -> None:
    async with speaking_aws() as wire, clients_on(wire, seconds=1) as clients:
        wire.silent = "sqs"
        calls = [
            asyncio.create_task(clients.call(*SQS, SQS_PARAMETERS)) for _ in range(PER_ENDPOINT + 1)
        ]
        await wire.until_held(PER_ENDPOINT)
        await clients.close()

        with pytest.raises(AwsCallError, match="Closed"):
            await clients.call(*SNS, SNS_PARAMETERS)

        results = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(result, AwsCallError) for result in results)
