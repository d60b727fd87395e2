import pytest

from shared.errors import Fault, InvalidRequestError
from shared.wire.json_types import Json, JsonObject
from shared.wire.model import WireModel, read
from shared.wire.queue_action import (
    BrokeredMessageProperties,
    ServiceBusAuthentication,
    ServiceBusQueueMessage,
    ServiceBusTopicMessage,
    StorageQueueMessage,
)

STORAGE: JsonObject = {
    "storageAccount": "schedulersdktest",
    "queueName": "queue1",
    "sasToken": "s3cret",
    "message": "some message!",
}
PROPERTIES: JsonObject = {
    "contentType": "Application/Json", "correlationId": "c", "forcePersistence": True, "label": "l",
    "messageId": "m", "partitionKey": "p", "replyTo": "r", "replyToSessionId": "rs",
    "scheduledEnqueueTimeUtc": "2026-01-01T00:00:00Z", "sessionId": "s", "timeToLive": "00:01:00",
    "to": "t", "viaPartitionKey": "v",
}  # fmt: skip
COMMON: JsonObject = {
    "namespace": "scheduler-sdk-ns",
    "transportType": "netMessaging",
    "authentication": {"sasKeyName": "Root", "sasKey": "s3cret", "type": "sharedAccessKey"},
    "message": "Some Message!",
    "brokeredMessageProperties": PROPERTIES,
    "customMessageProperties": {"Any Name": "any value"},
}


def faults(model: type[WireModel], document: Json) -> tuple[Fault, ...]:
    with pytest.raises(InvalidRequestError) as caught:
        read(model, document)
    return caught.value.faults


@pytest.mark.parametrize(
    ("model", "document"),
    [
        (StorageQueueMessage, STORAGE),
        (ServiceBusQueueMessage, {"queueName": "q", **COMMON}),
        (ServiceBusTopicMessage, {"topicPath": "a/b", **COMMON}),
    ],
)
def test_all_members_are_kept_in_the_order_of_the_service(
    model: type[WireModel], document: JsonObject
) -> None:
    shuffled = dict(sorted(document.items()))

    kept = read(model, shuffled).document()

    assert (kept, list(kept)) == (document, list(document))
    assert "s3cret" not in repr(read(model, shuffled))


@pytest.mark.parametrize(
    ("model", "least"),
    [
        (StorageQueueMessage, ["storageAccount", "queueName", "sasToken"]),
        (ServiceBusQueueMessage, ["queueName", "namespace"]),
        (ServiceBusTopicMessage, ["topicPath", "namespace"]),
    ],
)
def test_what_a_message_needs(model: type[WireModel], least: list[str]) -> None:
    assert faults(model, {}) == tuple(Fault(f"$.{name}", "is required") for name in least)
    read(model, dict.fromkeys(least, "a"))


@pytest.mark.parametrize(
    ("member", "values", "written"),
    [
        ("transportType", ["AMQP", "amqp", "Amqp"], "AMQP"),
        ("transportType", ["NetMessaging", "NETMESSAGING"], "netMessaging"),
        ("transportType", ["NotSpecified"], "notSpecified"),
        ("authentication", [{"type": "NotSpecified"}], {"type": "notSpecified"}),
    ],
)
def test_words_are_read_in_any_case_and_written_in_one(
    member: str, values: list[Json], written: Json
) -> None:
    for value in values:
        message = read(ServiceBusTopicMessage, {"topicPath": "t", "namespace": "n", member: value})
        assert message.document()[member] == written


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("2026-01-01T02:00:00+01:00", "2026-01-01T01:00:00Z"),
        ("2026-01-01T00:00:00", "2026-01-01T00:00:00Z"),
        ("00:01:00", "00:01:00"),
        ("PT90S", "00:01:30"),
        ("P1DT1S", "1.00:00:01"),
        ("10675199.02:48:05.4775807", "10675199.02:48:05.4775810"),
    ],
)
def test_a_time_to_live_is_an_instant_or_a_duration(given: str, written: str) -> None:
    properties = read(BrokeredMessageProperties, {"timeToLive": given})

    assert properties.document() == {"timeToLive": written}
    assert read(BrokeredMessageProperties, properties.document()) == properties


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        ({"timeToLive": "soon", "scheduledEnqueueTimeUtc": "later"}, ["scheduledEnqueueTimeUtc", "timeToLive"]),
        ({"timeToLive": 60}, ["timeToLive"]),
        ({"timeToLive": "-00:01:00"}, ["timeToLive"]),
        ({"forcePersistence": "true"}, ["forcePersistence"]),
        ({"label": 5, "colour": "red"}, ["label", "colour"]),
    ],
)  # fmt: skip
def test_properties_that_cannot_be_sent_are_refused(document: Json, paths: list[str]) -> None:
    found = [fault.path for fault in faults(BrokeredMessageProperties, document)]

    assert found == [f"$.{path}" for path in paths]


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        ({"type": "sharedAccessKey"}, ["sasKeyName", "sasKey"]),
        ({"type": "SharedAccessKey", "sasKeyName": "n"}, ["sasKey"]),
        ({"type": "sharedAccessKey", "sasKeyName": 5, "sasKey": "k"}, ["sasKeyName"]),
        ({"type": "Basic"}, ["type"]),
        ({}, ["type"]),
        ({"type": "notSpecified", "password": "p"}, ["password"]),
    ],
)
def test_a_shared_access_key_has_a_name_and_a_value(document: Json, paths: list[str]) -> None:
    found = [fault.path for fault in faults(ServiceBusAuthentication, document)]

    assert found == [f"$.{path}" for path in paths]


@pytest.mark.parametrize(
    "name", ["a/b", "a b", "a@b", "a?b", "-a", "a-", "", "a" * 254, "ä", "a\n"]
)
def test_a_name_that_becomes_a_host_holds_nothing_else(name: str) -> None:
    storage = faults(StorageQueueMessage, {**STORAGE, "storageAccount": name})
    service_bus = faults(ServiceBusQueueMessage, {"queueName": "q", "namespace": name})

    assert [fault.path for fault in (*storage, *service_bus)] == ["$.storageAccount", "$.namespace"]


@pytest.mark.parametrize("path", ["", "a\r\nb", "a" * 261])
def test_queues_and_topics_have_names(path: str) -> None:
    assert len(faults(StorageQueueMessage, {**STORAGE, "queueName": path})) == 1
    assert len(faults(ServiceBusTopicMessage, {"topicPath": path, "namespace": "n"})) == 1


def test_custom_properties_are_text() -> None:
    message: JsonObject = {"queueName": "q", "namespace": "n", "customMessageProperties": {"A": 1}}

    assert [fault.path for fault in faults(ServiceBusQueueMessage, message)] == [
        "$.customMessageProperties.A"
    ]
