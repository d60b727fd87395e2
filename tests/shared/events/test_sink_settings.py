"""What callers write as a sink: every type, every fault with its path, and names that lead elsewhere (P9)."""

from dataclasses import replace
from ipaddress import IPv4Network

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.events.sink import Mode, SinkType
from shared.events.sink_settings import REQUESTS, EndpointRules, SinkRequest
from shared.outbound.guard import AddressGuard
from shared.wire.faults import faults_of
from shared.wire.json_types import JsonObject

READER: TypeAdapter[SinkRequest] = TypeAdapter(SinkRequest)
ACCOUNT = "123456789012"
SECRET = "whsec_" + "A" * 32
CONNECTION_STRING = (
    "Endpoint=sb://ns1.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey=s3cret="
)
PUBLIC = EndpointRules(guard=AddressGuard(), aws_region="eu-central-1")
LOCAL = EndpointRules(
    guard=AddressGuard([IPv4Network("127.0.0.0/8")]),
    aws_endpoint="http://127.0.0.1:4566",
    commands_url=f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/commands",
)


def read(document: object, rules: EndpointRules = PUBLIC) -> SinkRequest:
    return READER.validate_python(document, context=rules)


def faults(document: object, rules: EndpointRules = PUBLIC) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        read(document, rules)
    return {fault.path: fault.message for fault in faults_of(caught.value)}


GOOD: list[JsonObject] = [
    {"type": "webhook", "url": "https://example.org/hook?a=b", "validation": "cloudevents"},
    {"type": "servicebus-queue", "queue": "orders/new.items_1"},
    {"type": "servicebus-topic", "topic": "events"},
    {"type": "sns", "topicArn": f"arn:aws:sns:eu-central-1:{ACCOUNT}:tocsin"},
    {"type": "sns", "topicArn": f"arn:aws-cn:sns:cn-north-1:{ACCOUNT}:{'t' * 251}.fifo"},
    {"type": "sqs", "queueUrl": f"https://sqs.us-gov-west-1.amazonaws.com/{ACCOUNT}/q_1-a"},
    {"type": "sqs", "queueUrl": f"https://sqs.cn-north-1.amazonaws.com.cn/{ACCOUNT}/q"},
    {
        "type": "sqs",
        "queueUrl": f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/q.fifo",
        "messageGroupId": "all",
    },
    {"type": "eventbridge", "eventBus": "default"},
    {"type": "eventbridge", "eventBus": "bus", "region": "ap-southeast-2"},
    {
        "type": "eventbridge",
        "eventBus": f"arn:aws:events:eu-west-1:{ACCOUNT}:event-bus/aws.partner/x",
        "region": "eu-west-1",
    },
]


@pytest.mark.parametrize("document", GOOD, ids=range(len(GOOD)))
def test_what_is_shown_is_what_was_asked_for(document: JsonObject) -> None:
    request = read(document)

    shown = {"type": request.type.value, **request.settings()}
    assert shown == document


def test_every_type_can_be_read() -> None:
    assert set(REQUESTS) == set(SinkType)
    assert {document["type"] for document in GOOD} == {kind.value for kind in SinkType}


def test_p8_secrets_are_not_among_what_is_shown() -> None:
    webhook = read({"type": "webhook", "url": "https://example.org/", "secret": SECRET})
    queue = read({"type": "servicebus-queue", "queue": "q", "connectionString": CONNECTION_STRING})

    assert webhook.settings() == {"url": "https://example.org/", "validation": "none"}
    assert queue.settings() == {"queue": "q"}
    for request, secret in ((webhook, SECRET), (queue, CONNECTION_STRING)):
        assert secret not in repr(request)
        assert request.secret is not None
        assert request.secret.get_secret_value() == secret


def test_only_webhooks_and_service_bus_have_a_binary_mode() -> None:
    binary = {kind.value for kind, model in REQUESTS.items() if Mode.BINARY in model.modes}

    assert binary == {"webhook", "servicebus-queue", "servicebus-topic"}


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (7, "$"),
        ({}, "$.type"),
        ({"type": "kafka"}, "$.type"),
        ({"type": ["webhook"]}, "$.type"),
        ({"type": "webhook", "url": "https://a.b/", "secret": SECRET, "queue": "q"}, "$.queue"),
        ({"type": "webhook", "url": "http://169.254.169.254/"}, "$.url"),
        ({"type": "webhook", "url": "https://a.b/", "validation": "maybe"}, "$.validation"),
        ({"type": "servicebus-queue", "queue": "Commands"}, "$.queue"),
        ({"type": "servicebus-queue", "queue": "q/$DeadLetterQueue"}, "$.queue"),
        ({"type": "servicebus-queue", "queue": "a" * 261}, "$.queue"),
        ({"type": "servicebus-queue", "queue": "a\x00b"}, "$.queue"),
        ({"type": "servicebus-topic", "topic": "/t"}, "$.topic"),
        ({"type": "sns", "topicArn": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:t"}, "$.topicArn"),
        ({"type": "sns", "topicArn": f"arn:aws:sns:eu-west-1:{ACCOUNT}:{'t' * 257}"}, "$.topicArn"),
        ({"type": "sns", "topicArn": f"arn:aws:sns:eu-west-1:{ACCOUNT}:t\n"}, "$.topicArn"),
        ({"type": "sqs", "queueUrl": f"http://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/q"}, "$.queueUrl"),
        ({"type": "sqs", "queueUrl": f"https://sqs.eu-west-1.amazonaws.com.evil.org/{ACCOUNT}/q"}, "$.queueUrl"),
        ({"type": "sqs", "queueUrl": f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/{'q' * 81}"}, "$.queueUrl"),
        ({"type": "sqs", "queueUrl": f"http://127.0.0.1:4566/{ACCOUNT}/q"}, "$.queueUrl"),
        ({"type": "eventbridge", "eventBus": "a bus"}, "$.eventBus"),
        ({"type": "eventbridge", "eventBus": f"arn:aws:events:eu-west-1:{ACCOUNT}:rule/x"}, "$.eventBus"),
        ({"type": "eventbridge", "eventBus": "b", "region": "nowhere"}, "$.region"),
    ],
)  # fmt: skip
def test_p10_what_is_wrong_is_named_by_its_path(document: object, path: str) -> None:
    assert list(faults(document)) == [path]


def test_p10_all_faults_are_told_at_once() -> None:
    document = {"type": "webhook", "url": "ftp://a", "secret": "mine", "validation": 1, "x": 1}

    found = faults(document)

    assert sorted(found) == ["$.secret", "$.url", "$.validation", "$.x"]
    assert "mine" not in str(found)


def test_an_event_bus_needs_a_region_from_somewhere() -> None:
    document = {"type": "eventbridge", "eventBus": "bus"}

    assert list(faults(document, LOCAL)) == ["$.region"]
    assert faults({**document, "eventBus": 5}, LOCAL).keys() == {"$.eventBus"}


def test_an_arn_and_a_region_must_not_differ() -> None:
    arn = f"arn:aws:events:eu-west-1:{ACCOUNT}:event-bus/b"

    assert faults({"type": "eventbridge", "eventBus": arn, "region": "eu-west-2"}) == {
        "$.region": "must be that of the event bus, or absent"
    }


@pytest.mark.parametrize(
    ("name", "group"), [("q", "all"), ("q.fifo", "a b"), ("q.fifo", "g" * 129)]
)
def test_only_fifo_queues_have_a_group_that_can_be_one(name: str, group: str) -> None:
    url = f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/{name}"

    assert list(faults({"type": "sqs", "queueUrl": url, "messageGroupId": group})) == [
        "$.messageGroupId"
    ]


def test_p9_a_queue_behind_the_endpoint_of_the_operator_is_one() -> None:
    url = f"http://127.0.0.1:4566/{ACCOUNT}/q"

    assert read({"type": "sqs", "queueUrl": url}, LOCAL).settings() == {"queueUrl": url}
    for other in (f"http://127.0.0.1:4567/{ACCOUNT}/q", f"http://127.0.0.1:4566.evil/{ACCOUNT}/q"):
        assert list(faults({"type": "sqs", "queueUrl": other}, LOCAL)) == ["$.queueUrl"]


def test_events_do_not_go_where_commands_come_from() -> None:
    assert faults({"type": "sqs", "queueUrl": LOCAL.commands_url}, LOCAL) == {
        "$.queueUrl": "is the queue that commands are taken from"
    }


@pytest.mark.parametrize(
    "host", ["http://127.0.0.1:4566", "https://sqs.eu-central-1.amazonaws.com"]
)
def test_p9_the_queue_of_commands_is_no_sink_in_any_spelling(host: str) -> None:
    for spelled in ("http://127.0.0.1:4566", "https://sqs.eu-central-1.amazonaws.com"):
        rules = replace(LOCAL, commands_url=f"{spelled}/{ACCOUNT}/loopq")

        found = faults({"type": "sqs", "queueUrl": f"{host}/{ACCOUNT}/loopq"}, rules)

        assert found == {"$.queueUrl": "is the queue that commands are taken from"}
