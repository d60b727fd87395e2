"""Which `api-version` a request may have: Scheduler has three, the resources API that lies before it many."""

import re
from functools import lru_cache

from shared.errors import InvalidRequestError, RequestError
from shared.scheduler.service.arm.gateway_errors import REGIONS, from_gateway, version_missing
from shared.scheduler.service.paging import read_query
from shared.wire.arm_catalogue import API_VERSIONS, is_of_scheduler
from shared.wire.endpoint import Endpoint

DATE = re.compile(r"\d{4}-\d\d-\d\d(-[a-z]+)?", re.ASCII | re.IGNORECASE)


def api_version(query: str) -> str | None:
    """Return the version that a query asks for, in lower case; None for none, and for a query that cannot be read."""
    try:
        version = read_query(query).get("api-version")
    except InvalidRequestError:
        return None
    return version.strip().lower() if version else None


@lru_cache(maxsize=256)
def check_api_version(endpoint: Endpoint, query: str) -> None:
    """Raises RequestError."""
    read_query(query)
    version = api_version(query)
    if version is None:
        raise version_missing()
    if is_of_scheduler(endpoint):
        if version not in API_VERSIONS:
            raise not_registered(version)
    elif DATE.fullmatch(version) is None:
        raise not_a_version(version)


def not_registered(version: str) -> RequestError:
    return from_gateway(
        RequestError(
            f"No registered resource provider found for location '*' and API version "
            f"'{version[:40]}' for type 'jobCollections'. The supported api-versions are "
            f"'{', '.join(API_VERSIONS)}'. The supported locations are '{REGIONS.replace(',', ', ')}'.",
            code="NoRegisteredProviderFound",
        )
    )


def not_a_version(version: str) -> RequestError:
    return from_gateway(
        RequestError(
            f"The api-version '{version[:40]}' is invalid. It must be a date such as '2016-02-01'.",
            code="InvalidApiVersionParameter",
        )
    )
