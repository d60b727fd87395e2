"""Attempts that put messages into queues and topics; their secrets are sealed with the key of `calling`."""

from dataclasses import replace

from shared.scheduler.action import Attempt
from shared.wire.json_types import Json, JsonObject
from tests.shared.scheduler.actions.azurite import ACCOUNT
from tests.shared.scheduler.actions.calling import attempt, sealed
from tests.shared.scheduler.actions.service_bus_target import KEY, KEY_NAME

TOKEN = "sv=2020-12-06&sp=a&sig=s3cretsignature%2Bwith%3D"


def putting(
    queue: str = "q1", *, token: str = TOKEN, message: str = "the text", account: str = ACCOUNT
) -> Attempt:
    document: JsonObject = {
        "storageAccount": account,
        "queueName": queue,
        "sasToken": sealed(token),
        "message": message,
    }
    action: JsonObject = {"type": "storageQueue", "queueMessage": document}
    return replace(attempt("http://h/"), action=action)


def shared_access(key: str = KEY) -> JsonObject:
    return {"type": "sharedAccessKey", "sasKeyName": KEY_NAME, "sasKey": sealed(key)}


def sending(queue: str = "q1", **members: Json) -> Attempt:
    document: JsonObject = {
        "queueName": queue,
        "namespace": "n1",
        "authentication": shared_access(),
        "message": "the text",
        **members,
    }
    action: JsonObject = {"type": "serviceBusQueue", "serviceBusQueueMessage": document}
    return replace(attempt("http://h/"), action=action)


def publishing(topic: str) -> Attempt:
    document: JsonObject = {
        "topicPath": topic,
        "namespace": "n1",
        "authentication": shared_access(),
        "message": "the text",
    }
    action: JsonObject = {"type": "serviceBusTopic", "serviceBusTopicMessage": document}
    return replace(attempt("http://h/"), action=action)
