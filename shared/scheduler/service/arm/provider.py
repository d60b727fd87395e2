"""What the provider says of itself, as recorded by PowerShell in July 2016, and its registration."""

from pydantic_core import to_json

from shared.scheduler.service.changes import Effect
from shared.scheduler.service.exchange import Answer, Query, Request
from shared.wire.arm_catalogue import API_VERSIONS
from shared.wire.arm_ids import NAMESPACE
from shared.wire.json_types import Json, JsonObject

LOCATIONS = (
    "North Central US", "South Central US", "North Europe", "West Europe", "East Asia",
    "Southeast Asia", "West US", "East US", "Japan West", "Japan East", "Brazil South",
    "Central US", "East US 2", "Canada Central", "Canada East", "West US 2", "West Central US",
)  # fmt: skip
# Logic Apps in its infancy; clients list it, nobody can call it here.
FLOWS = (
    "North Central US", "Central US", "South Central US", "North Europe", "West Europe",
    "East Asia", "Southeast Asia", "West US", "East US", "East US 2", "Japan West", "Japan East",
    "Brazil South",
)  # fmt: skip
FLOW_VERSIONS = ("2015-08-01-preview", "2015-02-01-preview")
MOVABLE = "CrossResourceGroupResourceMove, CrossSubscriptionResourceMove"


def get_provider(request: Request) -> Query:
    answer = described(request)
    return lambda _: answer


def register_provider(request: Request) -> Effect:
    """Every subscription is registered; asking for it again is answered the same."""
    answer = described(request)
    return lambda _: answer


def described(request: Request) -> Answer:
    return Answer(status=200, body=to_json(provider_document(request.params["subscription"])))


def provider_document(subscription: str) -> JsonObject:
    return {
        "id": f"/subscriptions/{subscription}/providers/{NAMESPACE}",
        "namespace": NAMESPACE,
        "resourceTypes": [
            resource_type("jobcollections", LOCATIONS, API_VERSIONS, is_movable=True),
            resource_type("operations", LOCATIONS, API_VERSIONS),
            resource_type("operationResults", LOCATIONS, API_VERSIONS),
            resource_type("flows", FLOWS, FLOW_VERSIONS, is_movable=True),
        ],
        "registrationState": "Registered",
    }


def resource_type(
    name: str, locations: tuple[str, ...], versions: tuple[str, ...], *, is_movable: bool = False
) -> Json:
    described: JsonObject = {
        "resourceType": name,
        "locations": list(locations),
        "apiVersions": list(versions),
    }
    return {**described, "capabilities": MOVABLE} if is_movable else described
