import json
from pathlib import Path

import pytest

from shared.errors import Fault, InvalidRequestError
from shared.wire.action import JobAction, payload_of
from shared.wire.json_types import Json, JsonObject
from shared.wire.model import read
from shared.wire.secret_members import drop_secrets

REQUEST: JsonObject = {"uri": "http://example.org/", "method": "GET"}
STORAGE: JsonObject = {"storageAccount": "a", "queueName": "q", "sasToken": "s3cret"}
QUEUE: JsonObject = {"queueName": "q", "namespace": "n"}
TOPIC: JsonObject = {"topicPath": "t/s", "namespace": "n"}
PAYLOADS: dict[str, JsonObject] = {
    "request": REQUEST,
    "queueMessage": STORAGE,
    "serviceBusQueueMessage": QUEUE,
    "serviceBusTopicMessage": TOPIC,
}
ACTIONS: dict[str, JsonObject] = {
    "http": {"type": "HTTP", "request": REQUEST},
    "https": {"type": "Https", "request": REQUEST},
    "storageQueue": {"type": "StorageQueue", "queueMessage": STORAGE},
    "serviceBusQueue": {"type": "servicebusqueue", "serviceBusQueueMessage": QUEUE},
    "serviceBusTopic": {"type": "ServiceBusTopic", "serviceBusTopicMessage": TOPIC},
}
RECORDED = json.loads((Path(__file__).parent / "data" / "actions.json").read_text())


def faults(document: Json) -> tuple[Fault, ...]:
    with pytest.raises(InvalidRequestError) as caught:
        read(JobAction, document)
    return caught.value.faults


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_actions_are_answered_as_recorded(name: str) -> None:
    action = read(JobAction, RECORDED[name]["sent"])

    answered, expected = drop_secrets(action.document()), drop_secrets(RECORDED[name]["answered"])
    # ARM answers types in Pascal case, and until November 2015 with the token of a queue.
    for document in (expected, expected.get("errorAction", {})):
        assert isinstance(document, dict)
        if isinstance(kind := document.get("type"), str):
            document["type"] = kind[0].lower() + kind[1:]
    assert json.dumps(answered) == json.dumps(expected)


@pytest.mark.parametrize("name", ACTIONS)
def test_every_type_is_read_in_any_case_and_written_in_one(name: str) -> None:
    document = read(JobAction, ACTIONS[name]).document()

    assert list(document) == [payload_of(name), "type"]
    assert document["type"] == name


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_has_the_payload_of_its_type_and_no_other(name: str) -> None:
    wanted = payload_of(name)
    others = sorted(PAYLOADS.keys() - {wanted})

    assert faults({"type": name}) == (Fault(f"$.{wanted}", "is required"),)
    assert faults({"type": name, **PAYLOADS}) == tuple(
        Fault(f"$.{other}", f"does not belong to this type; {wanted} does") for other in others
    )


def test_absent_payloads_may_be_null() -> None:
    action: JsonObject = {**dict.fromkeys(PAYLOADS), **ACTIONS["https"]}

    assert read(JobAction, action).document() == {"request": REQUEST, "type": "https"}


def test_everything_wrong_with_an_action_is_told_together() -> None:
    error_action: JsonObject = {"type": "storageQueue", "request": {"uri": "x", "method": "GET"}}

    found = faults(
        {"type": "http", "queueMessage": {"queueName": ""}, "errorAction": error_action, "x": 1}
    )

    assert [fault.path for fault in found] == [
        "$.queueMessage.storageAccount",
        "$.queueMessage.queueName",
        "$.queueMessage.sasToken",
        "$.errorAction.request.uri",
        "$.errorAction.queueMessage",
        "$.errorAction.request",
        "$.x",
        "$.request",
        "$.queueMessage",
    ]


@pytest.mark.parametrize("kind", ["mail", "", None, 5])
def test_without_a_type_nothing_is_said_of_payloads(kind: Json) -> None:
    assert [fault.path for fault in faults({"type": kind, **PAYLOADS})] == ["$.type"]
    assert faults({}) == (Fault("$.type", "is required"),)


@pytest.mark.parametrize("document", [None, "http", [], 5])
def test_an_action_is_an_object(document: Json) -> None:
    assert faults(document) == (Fault("$", "must be an object"),)


@pytest.mark.parametrize("name", ACTIONS)
def test_an_error_action_may_be_of_any_type(name: str) -> None:
    action = read(JobAction, {**ACTIONS["http"], "errorAction": ACTIONS[name]})

    assert action.document()["errorAction"] == read(JobAction, ACTIONS[name]).document()


def test_a_retry_policy_of_an_error_action_is_checked_and_dropped() -> None:
    policy: JsonObject = {"retryType": "fixed", "retryInterval": "PT1M"}

    action = read(
        JobAction, {**ACTIONS["http"], "errorAction": {**ACTIONS["http"], "retryPolicy": policy}}
    )

    assert action.document()["errorAction"] == {"request": REQUEST, "type": "http"}
    bad: JsonObject = {**ACTIONS["http"], "retryPolicy": {"retryType": "often"}}
    assert faults({**ACTIONS["http"], "errorAction": bad}) == (
        Fault("$.errorAction.retryPolicy.retryType", "must be one of none, fixed"),
    )


def test_an_error_action_has_no_error_action() -> None:
    inner: JsonObject = {**ACTIONS["http"], "errorAction": ACTIONS["http"]}

    assert faults({**ACTIONS["http"], "errorAction": inner}) == (
        Fault("$.errorAction.errorAction", "is not a known member"),
    )
