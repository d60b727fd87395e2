"""The texts are read as Azure PowerShell reads them: by what it looks for, and by the places of quotes and colons."""

import pytest

from shared.errors import NoAnswer
from shared.scheduler.actions.not_sent import NotSent, NotSentError
from shared.scheduler.actions.queue_records import (
    NOT_SENT,
    destination_of,
    service_bus_failure,
    service_bus_success,
    storage_answer,
    storage_failure,
    storage_success,
)
from shared.wire.json_types import JsonObject
from shared.wire.queue_action import StorageQueueMessage

MESSAGE = StorageQueueMessage.model_validate(
    {"storageAccount": "a1", "queueName": "q1", "sasToken": "s3cret"}
)

SERVICE_BUS: list[tuple[JsonObject, str]] = [
    ({"serviceBusQueueMessage": {"queueName": "e/1", "namespace": "n1"}}, "ServiceBusQueue"),
    ({"serviceBusTopicMessage": {"topicPath": "e/1", "namespace": "n1"}}, "ServiceBusTopic"),
]


def quoted(text: str) -> list[str]:
    return text.split("'")[1::2]


def test_powershell_finds_account_queue_and_success() -> None:
    told = storage_success(MESSAGE)

    assert told.startswith("StorageQueue Action - ")
    assert quoted(told) == ["a1", "q1"]
    assert told.partition("'q1' ")[2] == "succeeded"


def test_powershell_finds_the_queue_that_does_not_exist() -> None:
    told = storage_answer(MESSAGE, 404, {"x-ms-error-code": "QueueNotFound"})

    assert told.startswith("StorageQueue Action - ")
    assert "does not exist" in told
    assert quoted(told) == ["q1", "a1"]


def test_powershell_finds_the_account_that_could_not_be_found() -> None:
    kind = NoAnswer.NAME_NOT_RESOLVED
    told = storage_failure(MESSAGE, host="a1.queue", kind=kind, reason="")

    assert "could not be found" in told
    assert quoted(told)[:2] == ["a1", "q1"]
    assert told.endswith(
        ": NameResolutionFailure The remote name could not be resolved: 'a1.queue'"
    )


@pytest.mark.parametrize(
    ("status", "error", "failure"),
    [
        (403, "AuthenticationFailed", "The service answered 'Forbidden': AuthenticationFailed"),
        (503, "ServerBusy", "The service answered 'ServiceUnavailable': ServerBusy"),
        (404, "", "The service answered 'NotFound'"),
        (499, "s3cret", "The service answered '499'"),
    ],
)
def test_p8_of_another_answer_only_known_words_are_told(
    status: int, error: str, failure: str
) -> None:
    told = storage_answer(MESSAGE, status, {"x-ms-error-code": error})

    prefix = "StorageQueue Action - Message for storage account 'a1' and queue 'q1' failed: "
    assert told == f"{prefix}{failure}"


@pytest.mark.parametrize("kind", list(NoAnswer))
def test_powershell_takes_no_other_failure_for_one_of_those(kind: NoAnswer) -> None:
    told = storage_failure(MESSAGE, host="h", kind=kind, reason="why")

    assert quoted(told)[:2] == ["a1", "q1"]
    assert "succeeded" not in told
    assert "does not exist" not in told
    assert ("could not be found" in told) is (kind is NoAnswer.NAME_NOT_RESOLVED)


@pytest.mark.parametrize(("action", "title"), SERVICE_BUS)
def test_powershell_finds_entity_namespace_and_result(action: JsonObject, title: str) -> None:
    succeeded = service_bus_success(destination_of(action))
    failed = service_bus_failure(destination_of(action), NotSentError(NotSent.SERVER_BUSY))

    for told, result in ((succeeded, "succeeded"), (failed, "failed")):
        assert quoted(told)[:2] == ["e/1", "n1"]
        assert told.partition(":")[0] == f"{title} Action - Message {result}"
    assert failed.endswith("of namespace 'n1': ServerBusy The service is busy")


@pytest.mark.parametrize("kind", list(NotSent))
def test_every_failure_has_its_word_and_what_may_be_told(kind: NotSent) -> None:
    told = service_bus_failure(destination_of(SERVICE_BUS[0][0]), NotSentError(kind, "the detail"))

    assert told.endswith(f": {NOT_SENT[kind]}: the detail")


def test_powershell_takes_no_record_of_service_bus_for_one_of_storage() -> None:
    for kind in NotSent:
        told = service_bus_failure(destination_of(SERVICE_BUS[0][0]), NotSentError(kind))

        assert "StorageQueue" not in told
        assert "Http Action" not in told
