import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Fault, InvalidRequestError
from shared.wire import xml_codec
from shared.wire.cloud_service import CloudService, CloudServiceAnswer
from shared.wire.job_collection import (
    JobCollection,
    JobCollectionAnswer,
    OperationError,
    OperationResult,
    Plan,
    Quota,
)
from shared.wire.operation import Operation, OperationStatus, ServiceError
from shared.wire.recurrence import Frequency
from tests.shared.wire import strategies
from tests.shared.wire.recordings import recorded

REQUEST_ID = "67e081d92791b59496907c8c88501b34"


@given(strategies.cloud_services)
def test_cloud_services_survive(service: CloudService) -> None:
    assert xml_codec.decode_cloud_service(xml_codec.encode_cloud_service(service)) == service


@given(strategies.cloud_service_answers)
def test_answers_of_cloud_services_survive(service: CloudServiceAnswer) -> None:
    content = xml_codec.encode_cloud_service_answer(service)

    assert xml_codec.decode_cloud_service_answer(content) == service


@given(st.lists(strategies.cloud_service_answers, max_size=3))
def test_lists_of_cloud_services_survive(services: list[CloudServiceAnswer]) -> None:
    assert xml_codec.decode_cloud_services(xml_codec.encode_cloud_services(services)) == services


@given(strategies.job_collections, st.none() | st.just("") | st.uuids().map(str))
def test_collections_survive(collection: JobCollection, etag: str | None) -> None:
    content = xml_codec.encode_job_collection(collection, etag=etag)

    assert xml_codec.decode_job_collection(content) == collection


@given(strategies.listed_job_collections)
def test_answers_of_collections_survive(collection: JobCollectionAnswer) -> None:
    # The form of its own has a region, but no operation type and no extended code.
    error = collection.error
    shown = collection.model_copy(
        update={
            "geo_region": "West US",
            "operation_type": "Create",
            "error": error and error.model_copy(update={"extended_code": None}),
        }
    )

    content = xml_codec.encode_job_collection_answer(shown)

    assert xml_codec.decode_job_collection_answer(content) == shown


@given(strategies.operations)
def test_operations_survive(operation: Operation) -> None:
    assert xml_codec.decode_operation(xml_codec.encode_operation(operation)) == operation


@pytest.mark.parametrize(
    ("status", "http_status_code", "name", "size"),
    [
        (OperationStatus.IN_PROGRESS, None, "operation-in-progress", 197),
        (OperationStatus.SUCCEEDED, 200, "operation-succeeded", 232),
    ],
)
def test_operations_are_written_byte_for_byte_as_recorded(
    status: OperationStatus, http_status_code: int | None, name: str, size: int
) -> None:
    operation = Operation(id=REQUEST_ID, status=status, http_status_code=http_status_code)

    content = xml_codec.encode_operation(operation)

    assert content == recorded(name).response
    assert len(content) == size


def test_a_failed_operation_says_why() -> None:
    error = ServiceError(code="ResourceNotFound", message="The group does not exist.")
    operation = Operation(
        id=REQUEST_ID, status=OperationStatus.FAILED, http_status_code=404, error=error
    )

    assert xml_codec.encode_operation(operation).endswith(
        b"<Status>Failed</Status><HttpStatusCode>404</HttpStatusCode><Error><Code>ResourceNotFound"
        b"</Code><Message>The group does not exist.</Message></Error></Operation>"
    )


def test_a_collection_is_written_byte_for_byte_as_recorded() -> None:
    collection = JobCollectionAnswer(
        name="job_collection_b011479",
        geo_region="West Europe",
        etag="fa6e2047-2f59-4c7c-a30c-ca3197f34a9f",
        plan=Plan.STANDARD,
    )

    content = xml_codec.encode_job_collection_answer(collection)

    assert content == recorded("get-job-collection").response


def test_no_cloud_services_are_118_bytes() -> None:
    assert len(xml_codec.encode_cloud_services([])) == 118


def test_a_recorded_list_is_read_with_collections_made_through_arm() -> None:
    services = xml_codec.decode_cloud_services(recorded("list-cloud-services").response)

    assert [(service.label, len(service.resources)) for service in services] == [
        ("cloud_service_13143466204879", 1),
        ("label", 0),
    ]
    assert services[0].resources[0].label == "job_collection_73143466204879"


def test_resources_of_other_providers_are_left_out() -> None:
    content = (
        b"<CloudService><Name>n</Name><GeoRegion>West US</GeoRegion><Resources><Resource>"
        b"<ResourceProviderNamespace>cacheservice</ResourceProviderNamespace><Type>Caching</Type>"
        b"<Name>cache</Name><State>Unknown</State></Resource></Resources></CloudService>"
    )

    assert xml_codec.decode_cloud_service_answer(content).resources == ()


def test_recorded_requests_are_read() -> None:
    service = xml_codec.decode_cloud_service(recorded("create-cloud-service").request)
    # This client writes `<plan>`.
    collection = xml_codec.decode_job_collection(recorded("create-job-collection").request)

    assert service.document() == {
        "label": "label",
        "description": "description",
        "geoRegion": "West Europe",
    }
    assert collection.document() == {"plan": "Standard"}


def test_a_collection_with_every_member_is_read_and_written_in_pascal_case() -> None:
    content = (
        b"<Resource><SchemaVersion>1.1</SchemaVersion><ETag/><IntrinsicSettings><Plan>standard"
        b"</Plan><Quota><MaxJobCount> 50 </MaxJobCount><MaxJobOccurrence>7</MaxJobOccurrence>"
        b"<MaxRecurrence><Frequency>Minute</Frequency><Interval>1</Interval></MaxRecurrence>"
        b"</Quota></IntrinsicSettings><Label>bMOkYmVs</Label></Resource>"
    )

    collection = xml_codec.decode_job_collection(content)

    assert collection.label == "läbel"
    assert isinstance(collection.quota, Quota)
    assert collection.quota.max_recurrence is not None
    assert collection.quota.max_recurrence.frequency is Frequency.MINUTE
    written = xml_codec.encode_job_collection(collection)
    assert b"<Frequency>Minute</Frequency>" in written
    assert b"<ETag" not in written


def test_faults_inside_xml_have_the_paths_of_the_json_form() -> None:
    content = (
        b"<Resource><IntrinsicSettings><Plan>Gold</Plan><Quota><MaxJobCount>many</MaxJobCount>"
        b"<MaxRecurrence><Frequency>Second</Frequency></MaxRecurrence></Quota>"
        b"</IntrinsicSettings></Resource>"
    )

    with pytest.raises(InvalidRequestError) as caught:
        xml_codec.decode_job_collection(content)

    assert caught.value.code == "BadRequest"
    assert [fault.path for fault in caught.value.faults] == [
        "$.plan",
        "$.quota.maxJobCount",
        "$.quota.maxRecurrence.frequency",
        "$.quota.maxRecurrence.interval",
    ]


def test_a_cloud_service_without_label_and_region_has_two_faults() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        xml_codec.decode_cloud_service(b"<CloudService><Description>d</Description></CloudService>")

    assert caught.value.faults == (
        Fault("$.label", "is required"),
        Fault("$.geoRegion", "is required"),
    )


@pytest.mark.parametrize("text", ["job_collection_1", "läbel", "test"])
def test_a_plain_label_is_read_as_it_is(text: str) -> None:
    content = f"<Resource><Label>{text}</Label></Resource>".encode()

    assert xml_codec.decode_job_collection(content).label == text


def test_a_change_in_progress_has_no_error() -> None:
    collection = JobCollectionAnswer(
        name="n", etag="e", operation_result=OperationResult.IN_PROGRESS
    )

    assert b"<Error>" not in xml_codec.encode_job_collection_answer(collection)


def test_a_failed_change_says_why_in_both_forms() -> None:
    collection = JobCollectionAnswer(
        name="n",
        etag="e",
        operation_result=OperationResult.FAILED,
        error=OperationError(http_code=400, message="m", extended_code="x"),
    )
    service = CloudServiceAnswer(name="cs", geo_region="West US", resources=(collection,))

    assert b"<Error><HttpCode>400</HttpCode><Message>m</Message></Error>" in (
        xml_codec.encode_job_collection_answer(collection)
    )
    assert b"<ExtendedCode>x</ExtendedCode>" in xml_codec.encode_cloud_service_answer(service)


@given(st.binary(max_size=60))
def test_p10_any_bytes_are_a_collection_or_faults(content: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        xml_codec.decode_job_collection(content)


@pytest.mark.parametrize("count", [-1, 0])
def test_a_count_beyond_its_range_is_told_with_the_range(count: int) -> None:
    content = (
        "<Resource><IntrinsicSettings><Quota>"
        f"<MaxJobCount>{count}</MaxJobCount></Quota></IntrinsicSettings></Resource>"
    )

    with pytest.raises(InvalidRequestError) as caught:
        xml_codec.decode_job_collection(content.encode())

    assert caught.value.faults == (
        Fault("$.quota.maxJobCount", f"is {count}; from 1 to 2147483647 are allowed"),
    )
