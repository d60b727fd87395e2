from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shared.scheduler.action import Attempt
from shared.scheduler.actions.storage_message import client_request_id, put_message, wrapped
from tests.shared.scheduler.actions.azurite import member_of, texts_in
from tests.shared.scheduler.actions.calling import attempt

RECORDED = (
    '<?xml version="1.0" encoding="utf-16"?>\r\n'
    '<StorageQueueMessage xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\r\n'
    "  <ExecutionTag>e927cf76d24da9625608248ce654cfa7</ExecutionTag>\r\n"
    "  <ClientRequestId>{request}</ClientRequestId>\r\n"
    "  <ExpectedExecutionTime>2015-09-10T00:00:00</ExpectedExecutionTime>\r\n"
    "  <SchedulerJobId>Nightly</SchedulerJobId>\r\n"
    "  <SchedulerJobCollectionId>jc1</SchedulerJobCollectionId>\r\n"
    "  <Region>West Europe</Region>\r\n"
    "  <Message>membership</Message>\r\n"
    "</StorageQueueMessage>"
)


def fired(number: int = 1) -> Attempt:
    return replace(
        attempt("http://h/"),
        execution_id="e927cf76-d24d-a962-5608-248ce654cfa7",
        number=number,
        region="West Europe",
        expected_time=datetime(2015, 9, 10, tzinfo=UTC),
    )


def test_a_message_is_wrapped_as_the_retired_service_did() -> None:
    document = wrapped(fired(), "membership")

    assert document == RECORDED.format(request=client_request_id(fired()))


def test_an_attempt_has_a_guid_of_its_own_and_its_repetition_the_same() -> None:
    first, second = client_request_id(fired(1)), client_request_id(fired(2))

    assert first == client_request_id(fired(1)) != second
    assert str(UUID(first)) == first


def test_a_fraction_of_a_second_is_kept() -> None:
    assert "<ExpectedExecutionTime>2026-01-02T03:04:05.6<" in wrapped(attempt("http://h/"), "")


@given(text=st.text(st.characters(exclude_categories=["Cs"])), job=st.text("a<&>'\"]é"))
def test_p10_whatever_the_text_is_a_reader_gets_it_back(text: str, job: str) -> None:
    document = wrapped(replace(fired(), job=job), text)

    # Only what XML cannot hold is replaced.
    expected = "".join(one if can_stand_in_xml(one) else "\ufffd" for one in text)
    assert member_of(document, "Message") == expected
    assert member_of(document, "SchedulerJobId") == job


def can_stand_in_xml(character: str) -> bool:
    return character in "\t\n\r" or (character >= " " and character not in "\ufffe\uffff")


def test_the_body_holds_the_document_in_base64() -> None:
    body = put_message(fired(), "text")

    assert body.startswith(b"<QueueMessage><MessageText>PD94bWwg")
    assert texts_in(body) == [wrapped(fired(), "text")]
