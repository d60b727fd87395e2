"""What Azure Resource Manager itself refuses, before or instead of Scheduler: told in its words and marked as its own.

The texts are ARM's, as recorded or as people have reported them.
"""

from typing import TypeVar

from shared.errors import ConflictError, NotFoundError, RequestError, TocsinError
from shared.wire.arm_ids import NAMESPACE
from shared.wire.cloud_service import SUPPORTED_GEO_REGIONS, compact

FAILURE_CAUSE = "x-ms-failure-cause"
ErrorT = TypeVar("ErrorT", bound=TocsinError)
REGIONS = ",".join(compact(region) for region in SUPPORTED_GEO_REGIONS)


def from_gateway(error: ErrorT) -> ErrorT:
    """Return `error`, marked as one that never came to Scheduler."""
    error.headers[FAILURE_CAUSE] = "gateway"
    return error


def group_not_found(group: str) -> NotFoundError:
    return from_gateway(
        NotFoundError(f"Resource group '{group}' could not be found.", code="ResourceGroupNotFound")
    )


def collection_not_found(group: str, collection: str) -> NotFoundError:
    return from_gateway(
        NotFoundError(
            f"The Resource '{NAMESPACE}/jobcollections/{collection}' under resource group "
            f"'{group}' was not found."
        )
    )


def group_being_deleted(group: str) -> ConflictError:
    return from_gateway(
        ConflictError(
            f"The resource group '{group}' is in deprovisioning state and cannot perform this "
            "operation.",
            code="ResourceGroupBeingDeleted",
        )
    )


def group_elsewhere(group: str, *, asked: str, found: str) -> ConflictError:
    return from_gateway(
        ConflictError(
            f"Invalid resource group location '{compact(asked)}'. The Resource group already "
            f"exists in location '{compact(found)}'.",
            code="InvalidResourceGroupLocation",
        )
    )


def collection_elsewhere(group: str, collection: str, *, asked: str, found: str) -> ConflictError:
    return from_gateway(
        ConflictError(
            f"The resource '{collection}' already exists in location '{compact(found)}' in "
            f"resource group '{group}'. A resource with the same name cannot be created in "
            f"location '{compact(asked)}'. Please select a new resource name.",
            code="InvalidResourceLocation",
        )
    )


def location_required() -> RequestError:
    return from_gateway(
        RequestError(
            "The location property is required for this definition.", code="LocationRequired"
        )
    )


def location_not_available(location: str, *, resource_type: str) -> RequestError:
    kind = "ResourceGroup" if resource_type == "resource group" else "ResourceType"
    return from_gateway(
        RequestError(
            f"The provided location '{location[:100]}' is not available for {resource_type}. "
            f"List of available regions is '{REGIONS}'.",
            code=f"LocationNotAvailableFor{kind}",
        )
    )


def content_invalid(reason: str) -> RequestError:
    return from_gateway(
        RequestError(
            f"The request content was invalid and could not be deserialized: '{reason}'.",
            code="InvalidRequestContent",
        )
    )


def version_missing() -> RequestError:
    return from_gateway(
        RequestError(
            "The api-version query parameter (?api-version=) is required for all requests.",
            code="MissingApiVersionParameter",
        )
    )
