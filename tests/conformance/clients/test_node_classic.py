"""azure-asm-scheduler 0.10.2: provider, cloud services and job collections, method by method."""

from typing import Any

import pytest

from tests.conformance.clients.conftest import Open
from tests.conformance.clients.driver import Client, ClientError
from tests.conformance.clients.method_cases import case_of

CLOUD_SERVICE = {"label": "Zeitpläne – 時計", "description": "d", "geoRegion": "West US"}
QUOTA = {"maxJobCount": 9, "maxRecurrence": {"frequency": "Hour", "interval": 2}}
STANDARD = {"intrinsicSettings": {"plan": "Standard", "quota": QUOTA}, "label": "größer & 時計"}


@pytest.fixture
def client(open_node_classic: Open) -> Client:
    return open_node_classic(kind="azure-asm-scheduler")


@pytest.fixture
def cloud_services(open_node_classic: Open) -> Client:
    return open_node_classic(kind="azure-asm-scheduler cloud services")


@pytest.fixture
def cs(cloud_services: Client, name: str) -> str:
    """A cloud service of this test."""
    cloud_services.call("cloudServices.create", name, CLOUD_SERVICE)
    return name


@case_of("cloudServices.create", "cloudServices.get", "cloudServices.list", "cloudServices.delete")
def test_a_cloud_service_lives_from_create_to_delete(cloud_services: Client, name: str) -> None:
    created = cloud_services.call("cloudServices.create", name, CLOUD_SERVICE)
    found = cloud_services.call("cloudServices.get", name)
    (listed,) = [
        each
        for each in cloud_services.call("cloudServices.list")["cloudServices"]
        if each["name"] == name
    ]
    deleted = cloud_services.call("cloudServices.delete", name)

    assert (created["status"], created["httpStatusCode"]) == ("Succeeded", "200")
    assert found["resources"] == []
    assert {key: listed[key] for key in CLOUD_SERVICE} == CLOUD_SERVICE
    assert deleted["status"] == "Succeeded"
    with pytest.raises(ClientError, match=f"'{name}' was not found") as missing:
        cloud_services.call("cloudServices.get", name)
    assert (missing.value.code, missing.value.status) == ("ResourceNotFound", 404)


@case_of("cloudServices.beginCreating", "cloudServices.beginDeleting", "getOperationStatus")
def test_what_was_begun_is_followed_by_its_request_id(cloud_services: Client, name: str) -> None:
    for method, given in (("beginCreating", [CLOUD_SERVICE]), ("beginDeleting", [])):
        begun = cloud_services.call(f"cloudServices.{method}", name, *given)
        assert begun["statusCode"] == 202

        while (status := cloud_services.call("getOperationStatus", begun["requestId"]))[
            "status"
        ] == "InProgress":
            pass

        assert status["status"] == "Succeeded"
        assert status["id"].replace("-", "") == begun["requestId"]


@case_of("entitleResource")
def test_an_entitlement_is_taken(cloud_services: Client) -> None:
    entitlement = {
        "resourceNamespace": "scheduler",
        "resourceType": "JobCollections",
        "registrationDate": {"$date": "2014-01-01T00:00:00Z"},
    }

    assert cloud_services.call("entitleResource", entitlement)["statusCode"] == 202


@case_of("registerResourceProvider", "unregisterResourceProvider")
def test_a_provider_is_registered_once_and_unregistered(client: Client) -> None:
    registered = client.call("registerResourceProvider")
    with pytest.raises(ClientError, match="already registered") as again:
        client.call("registerResourceProvider")
    unregistered = client.call("unregisterResourceProvider")

    assert (registered["statusCode"], unregistered["statusCode"]) == (200, 200)
    assert (again.value.code, again.value.status) == ("ConflictError", 409)


@case_of("getResourceProviderProperties")
def test_the_provider_tells_regions_and_plans(client: Client) -> None:
    properties = client.call("getResourceProviderProperties")["properties"]

    assert "West US" in properties["SupportedGeoRegions"].split(",")
    assert "Standard" in properties["Plans"].split(", ")
    assert properties["PlanDetail:Free:Quota:MaxJobCount"] == "5"


@case_of("jobCollections.create", "jobCollections.get", "jobCollections.deleteMethod")
def test_a_collection_comes_back_with_quota_and_label(client: Client, cs: str) -> None:
    created = client.call("jobCollections.create", cs, "jc1", STANDARD)

    found = client.call("jobCollections.get", cs, "jc1")
    deleted = client.call("jobCollections.deleteMethod", cs, "jc1")

    assert (created["status"], deleted["status"]) == ("Succeeded", "Succeeded")
    assert found["intrinsicSettings"] == STANDARD["intrinsicSettings"]
    assert (found["name"], found["label"]) == ("jc1", STANDARD["label"])
    assert (found["state"], found["schemaVersion"]) == ("Started", "1.1")
    assert found["lastOperationStatus"]["status"] == "Succeeded"
    with pytest.raises(ClientError) as missing:
        client.call("jobCollections.get", cs, "jc1")
    assert (missing.value.code, missing.value.status) == ("ResourceNotFound", 404)


def test_a_collection_without_anything_is_standard(client: Client, cs: str) -> None:
    client.call("jobCollections.create", cs, "jc1", {})

    assert client.call("jobCollections.get", cs, "jc1")["intrinsicSettings"] == {"plan": "Standard"}


@case_of("jobCollections.update")
def test_an_update_needs_the_tag_that_is_current(client: Client, cs: str) -> None:
    client.call("jobCollections.create", cs, "jc1", STANDARD)
    first = client.call("jobCollections.get", cs, "jc1")["eTag"]
    changed: dict[str, Any] = {"intrinsicSettings": {"plan": "Standard"}, "label": "other"}

    updated = client.call("jobCollections.update", cs, "jc1", {**changed, "eTag": first})
    with pytest.raises(ClientError) as stale:
        client.call("jobCollections.update", cs, "jc1", {**changed, "eTag": first})
    found = client.call("jobCollections.get", cs, "jc1")

    assert updated["status"] == "Succeeded"
    assert stale.value.status == 412
    assert (found["label"], found["intrinsicSettings"]) == ("other", {"plan": "Standard"})
    assert found["eTag"] == updated["eTag"] != first


@case_of(
    "jobCollections.beginCreating", "jobCollections.beginUpdating", "jobCollections.beginDeleting"
)
def test_each_step_that_was_begun_ends(client: Client, cs: str) -> None:
    for method, given in (
        ("beginCreating", [STANDARD]),
        ("beginUpdating", [{**STANDARD, "eTag": ""}]),
        ("beginDeleting", []),
    ):
        if method == "beginUpdating":
            given = [{**STANDARD, "eTag": client.call("jobCollections.get", cs, "jc1")["eTag"]}]
        begun = client.call(f"jobCollections.{method}", cs, "jc1", *given)

        while (status := client.call("getOperationStatus", begun["requestId"]))[
            "status"
        ] == "InProgress":
            pass

        assert (begun["statusCode"], status["status"]) == (202, "Succeeded")


@case_of("jobCollections.checkNameAvailability")
def test_a_name_is_available_until_it_is_taken(client: Client, cs: str) -> None:
    before = client.call("jobCollections.checkNameAvailability", cs, "jc1")
    client.call("jobCollections.create", cs, "jc1", STANDARD)
    after = client.call("jobCollections.checkNameAvailability", cs, "jc1")

    assert (before["isAvailable"], after["isAvailable"]) == (True, False)


def test_a_label_that_is_no_xml_is_refused_in_words(cloud_services: Client, name: str) -> None:
    # This client does not escape what it is given.
    with pytest.raises(ClientError) as refused:
        cloud_services.call("cloudServices.create", name, {**CLOUD_SERVICE, "label": "l & m"})

    assert (refused.value.code, refused.value.status) == ("InvalidXmlRequest", 400)
