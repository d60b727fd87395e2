"""The XML bodies of the front end, for both sides: `encode_x` and `decode_x` are inverse to each other.

A cloud service is the same in requests and answers but for what only the service knows; a collection has a request form
and two answer forms, with different members in different orders: one of its own, and one inside its cloud service.
"""

import base64
import re
from collections.abc import Iterable
from uuid import UUID

from shared.wire.cloud_service import CloudService, CloudServiceAnswer
from shared.wire.job_collection import (
    JobCollection,
    JobCollectionAnswer,
    OperationResult,
    Plan,
    Quota,
)
from shared.wire.json_types import Json, JsonObject
from shared.wire.model import read
from shared.wire.operation import Operation
from shared.wire.xml_elements import XmlElement, parse_xml, write_element, write_root, write_text

SCHEMA_VERSION = "1.1"
INTEGER = re.compile(r"-?[0-9]{1,19}")
# Namespace and type of a collection in the list of cloud services, by the surface through which it was made.
CLASSIC_BORN = ("scheduler", "JobCollections")
ARM_BORN = ("Scheduler", "jobcollections")


def encode_cloud_service(service: CloudService) -> bytes:
    return write_root(
        "CloudService",
        write_text("Label", service.label),
        write_text("Description", service.description),
        write_text("GeoRegion", service.geo_region),
        write_text("Email", service.email),
    )


def decode_cloud_service(content: bytes) -> CloudService:
    """Raises InvalidRequestError with every fault."""
    root = parse_xml(content, "CloudService")
    return read(
        CloudService,
        _present(
            label=root.text("Label"),
            description=root.text("Description"),
            geoRegion=root.word("GeoRegion"),
            email=root.word("Email"),
        ),
    )


def encode_job_collection(collection: JobCollection, *, etag: str | None = None) -> bytes:
    """Return the body of create, or of update when `etag` is given."""
    return write_root(
        "Resource",
        write_text("SchemaVersion", SCHEMA_VERSION),
        write_text("ETag", etag),
        _write_settings(collection.plan, collection.quota),
        write_text("Label", _to_base64(collection.label)),
    )


def decode_job_collection(content: bytes) -> JobCollection:
    """Return what is asked for; an `ETag` element is ignored, since Node sends it empty and the header counts.

    Raises:
        InvalidRequestError: with every fault.
    """
    root = parse_xml(content, "Resource")
    return read(
        JobCollection,
        _present(
            plan=root.word("IntrinsicSettings", "Plan"),
            quota=_read_quota(root),
            label=_from_base64(root.text("Label")),
        ),
    )


def encode_cloud_service_answer(service: CloudServiceAnswer) -> bytes:
    return write_root("CloudService", *_cloud_service_members(service))


def decode_cloud_service_answer(content: bytes) -> CloudServiceAnswer:
    """Raises InvalidRequestError when it is no such answer."""
    return _read_cloud_service(parse_xml(content, "CloudService"))


def encode_cloud_services(services: Iterable[CloudServiceAnswer]) -> bytes:
    elements = (write_element("CloudService", *_cloud_service_members(one)) for one in services)
    return write_root("CloudServices", *elements)


def decode_cloud_services(content: bytes) -> list[CloudServiceAnswer]:
    """Raises InvalidRequestError when it is no such answer."""
    root = parse_xml(content, "CloudServices")
    return [_read_cloud_service(element) for element in root.children("CloudService")]


def encode_job_collection_answer(collection: JobCollectionAnswer) -> bytes:
    """Return the form of Get Job Collection: members in alphabetical order, an Error of 200 on success."""
    return write_root(
        "Resource",
        write_element("CloudServiceSettings", write_text("GeoRegion", collection.geo_region)),
        write_text("ETag", collection.etag),
        _write_settings(collection.plan, collection.quota),
        write_text("Label", _to_base64(collection.label)),
        write_text("Name", collection.name),
        write_element(
            "OperationStatus",
            _write_own_error(collection),
            write_text("Result", collection.operation_result),
        ),
        "<PromotionCode></PromotionCode>",
        write_text("SchemaVersion", SCHEMA_VERSION),
        write_text("State", collection.state),
        '<SubState i:nil="true"/>',
        write_text("Type", "jobcollections"),
    )


def decode_job_collection_answer(content: bytes) -> JobCollectionAnswer:
    """Raises InvalidRequestError when it is no such answer."""
    return _read_collection(parse_xml(content, "Resource"))


def encode_operation(operation: Operation) -> bytes:
    """Return the body of Get Operation Status; the request id gets its dashes there and nowhere else."""
    error = operation.error
    return write_root(
        "Operation",
        write_text("ID", UUID(operation.id)),
        write_text("Status", operation.status),
        write_text("HttpStatusCode", operation.http_status_code),
        write_element("Error", write_text("Code", error.code), write_text("Message", error.message))
        if error
        else "",
    )


def decode_operation(content: bytes) -> Operation:
    """Raises InvalidRequestError when it is no such answer."""
    root = parse_xml(content, "Operation")
    error = root.child("Error")
    return read(
        Operation,
        _present(
            id=(root.word("ID") or "").replace("-", "").lower(),
            status=root.word("Status"),
            httpStatusCode=_number(root.word("HttpStatusCode")),
            error=_present(code=error.word("Code"), message=error.text("Message"))
            if error
            else None,
        ),
    )


def _cloud_service_members(service: CloudServiceAnswer) -> tuple[str, ...]:
    return (
        write_text("Name", service.name),
        write_text("Label", service.label),
        write_text("Description", service.description),
        write_text("GeoRegion", service.geo_region),
        write_element("Resources", *(_write_resource(one) for one in service.resources)),
    )


def _write_resource(collection: JobCollectionAnswer) -> str:
    error = collection.error
    namespace, kind = ARM_BORN if collection.is_arm_born else CLASSIC_BORN
    return write_element(
        "Resource",
        write_text("ResourceProviderNamespace", namespace),
        write_text("Type", kind),
        write_text("Name", collection.name),
        write_text("SchemaVersion", SCHEMA_VERSION),
        write_text("ETag", collection.etag),
        write_text("State", collection.state),
        _write_settings(collection.plan, collection.quota),
        write_element(
            "OperationStatus",
            write_text("Type", collection.operation_type),
            write_text("Result", collection.operation_result),
            write_element(
                "Error",
                write_text("HttpCode", error.http_code),
                write_text("Message", error.message),
                write_text("ExtendedCode", error.extended_code),
            )
            if error
            else "",
        ),
        write_text("Label", _to_base64(collection.label) or ""),
    )


def _write_own_error(collection: JobCollectionAnswer) -> str:
    error = collection.error
    if error is None and collection.operation_result is not OperationResult.SUCCEEDED:
        return ""
    return write_element(
        "Error",
        write_text("HttpCode", error.http_code if error else 200),
        write_text("Message", error.message if error else "OK"),
    )


def _write_settings(plan: Plan, quota: Quota | None) -> str:
    return write_element(
        "IntrinsicSettings", write_text("Plan", plan), "" if quota is None else _write_quota(quota)
    )


def _write_quota(quota: Quota) -> str:
    most = quota.max_recurrence
    return write_element(
        "Quota",
        write_text("MaxJobCount", quota.max_job_count),
        write_text("MaxJobOccurrence", quota.max_job_occurrence),
        ""
        if most is None
        else write_element(
            "MaxRecurrence",
            write_text("Frequency", most.frequency.capitalize()),
            write_text("Interval", most.interval),
        ),
    )


def _read_cloud_service(element: XmlElement) -> CloudServiceAnswer:
    resources = element.child("Resources")
    found = resources.children("Resource") if resources else []
    # Other providers keep their resources in cloud services too.
    ours = [one for one in found if _is_ours(one)]
    return CloudServiceAnswer(
        name=element.text("Name") or "",
        label=element.text("Label") or "",
        description=element.text("Description") or "",
        geo_region=element.text("GeoRegion") or "",
        resources=tuple(_read_collection(one) for one in ours),
    )


def _is_ours(resource: XmlElement) -> bool:
    return (resource.word("ResourceProviderNamespace") or "").lower() == "scheduler"


def _read_collection(element: XmlElement) -> JobCollectionAnswer:
    return read(
        JobCollectionAnswer,
        _present(
            name=element.text("Name"),
            geoRegion=element.word("CloudServiceSettings", "GeoRegion"),
            etag=element.word("ETag"),
            state=element.word("State"),
            plan=element.word("IntrinsicSettings", "Plan"),
            quota=_read_quota(element),
            label=_from_base64(element.text("Label")),
            isArmBorn=element.word("ResourceProviderNamespace") == ARM_BORN[0],
            operationType=element.word("OperationStatus", "Type"),
            operationResult=element.word("OperationStatus", "Result"),
            error=_read_error(element.child("OperationStatus")),
        ),
    )


def _read_error(status: XmlElement | None) -> JsonObject | None:
    error = status.child("Error") if status else None
    if error is None or error.word("HttpCode") == "200":
        return None
    return _present(
        httpCode=_number(error.word("HttpCode")),
        message=error.text("Message"),
        extendedCode=error.word("ExtendedCode"),
    )


def _read_quota(element: XmlElement) -> JsonObject | None:
    settings = element.child("IntrinsicSettings")
    quota = settings.child("Quota") if settings else None
    if quota is None:
        return None
    most = quota.child("MaxRecurrence")
    return _present(
        maxJobCount=_number(quota.word("MaxJobCount")),
        maxJobOccurrence=_number(quota.word("MaxJobOccurrence")),
        maxRecurrence=_present(
            frequency=most.word("Frequency"), interval=_number(most.word("Interval"))
        )
        if most
        else None,
    )


def _present(**members: Json) -> JsonObject:
    return {name: value for name, value in members.items() if value is not None}


def _number(text: str | None) -> Json:
    """Return an integer, or the text itself for the model to refuse."""
    return int(text) if text is not None and INTEGER.fullmatch(text) else text


def _to_base64(label: str | None) -> str | None:
    return None if label is None else base64.b64encode(label.encode()).decode()


def _from_base64(text: str | None) -> str | None:
    """Return the label; collections made through ARM have theirs as plain text, and an empty one means none."""
    if not text or not text.strip():
        return None
    try:
        return base64.b64decode(text.strip(), validate=True).decode()
    except ValueError:
        return text
