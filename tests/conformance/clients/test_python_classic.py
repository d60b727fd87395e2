"""azure-servicemanagement-legacy 0.20.8: cloud services and job collections, method by method."""

import pytest

from tests.conformance.clients.classic_python import wait
from tests.conformance.clients.driver import Client, ClientError
from tests.conformance.clients.method_cases import case_of
from tests.conformance.clients.service_process import SUBSCRIPTION


@pytest.fixture
def client(python_classic: Client) -> Client:
    return python_classic


@case_of("create_cloud_service", "get_cloud_service", "wait_for_operation_status")
def test_a_cloud_service_comes_back_as_it_was_made(client: Client, name: str) -> None:
    escaped = "größer &amp; &lt;kleiner&gt;"  # this client does not escape what it is given

    accepted = client.call("create_cloud_service", name, "Zeitpläne – 時計", escaped, "Japan East")
    status = wait(client, accepted)
    found = client.call("get_cloud_service", name)

    assert len(accepted["request_id"]) == 32
    assert status["http_status_code"] == "200"
    assert found["name"] == name
    assert found["label"] == "Zeitpläne – 時計"
    assert found["description"] == "größer & <kleiner>"
    assert found["geo_region"] == "Japan East"
    assert not found["resources"]


def test_a_label_that_is_no_xml_is_refused_in_words(client: Client, name: str) -> None:
    with pytest.raises(ClientError, match="InvalidXmlRequest"):
        client.call("create_cloud_service", name, "l & m", "d", "West Europe")


@case_of("list_cloud_services")
def test_the_list_holds_the_cloud_service_and_its_collections(client: Client, cs: str) -> None:
    wait(client, client.call("create_job_collection", cs, "jc1"))

    listed = {each["name"]: each for each in client.call("list_cloud_services")}

    (resource,) = listed[cs]["resources"]
    assert listed[cs]["geo_region"] == "West Europe"
    assert (resource["name"], resource["type"]) == ("jc1", "JobCollections")
    assert resource["resource_provider_namespace"] == "scheduler"
    assert resource["state"] == "Started"


@case_of("delete_cloud_service")
def test_a_deleted_cloud_service_is_missing_with_all_that_was_in_it(
    client: Client, cs: str
) -> None:
    wait(client, client.call("create_job_collection", cs, "jc1"))

    wait(client, client.call("delete_cloud_service", cs))

    with pytest.raises(ClientError, match="ResourceNotFound") as missing:
        client.call("get_cloud_service", cs)
    with pytest.raises(ClientError) as jobs:
        client.call("get_all_jobs", cs, "jc1")
    assert {missing.value.type, jobs.value.type} == {"AzureMissingResourceHttpError"}


@pytest.mark.parametrize("plan", ["Free", "Standard"])
@case_of("create_job_collection", "get_job_collection", "delete_job_collection")
def test_a_collection_comes_back_with_its_plan_until_it_is_deleted(
    client: Client, cs: str, plan: str
) -> None:
    wait(client, client.call("create_job_collection", cs, "jc1", plan))

    found = client.call("get_job_collection", cs, "jc1")
    wait(client, client.call("delete_job_collection", cs, "jc1"))

    assert found["name"] == "jc1"
    assert found["intrinsic_settings"]["plan"] == plan
    assert found["operation_status"]["result"] == "Succeeded"
    with pytest.raises(ClientError, match="ResourceNotFound") as missing:
        client.call("get_job_collection", cs, "jc1")
    assert missing.value.type == "AzureMissingResourceHttpError"


@case_of("check_job_collection_name")
def test_every_name_seems_taken_to_this_client(client: Client, cs: str) -> None:
    # It looks for another root than the service answers; Microsoft skipped its own test of this.
    wait(client, client.call("create_job_collection", cs, "jc1"))

    free = client.call("check_job_collection_name", cs, "another")
    taken = client.call("check_job_collection_name", cs, "jc1")

    assert (free["result"], taken["result"]) == (False, False)


def test_a_cloud_service_of_another_region_conflicts(client: Client, cs: str) -> None:
    with pytest.raises(ClientError, match="ConflictError") as conflict:
        client.call("create_cloud_service", cs, "l", "d", "Japan East")

    assert conflict.value.type == "AzureConflictHttpError"


@case_of("get_operation_status")
def test_an_operation_that_nobody_asked_for_is_missing(client: Client) -> None:
    with pytest.raises(ClientError, match="ResourceNotFound") as missing:
        client.call("get_operation_status", "0" * 32)

    assert missing.value.type == "AzureMissingResourceHttpError"


@case_of("perform_get", "perform_put", "perform_post", "perform_delete")
def test_paths_of_the_callers_own_are_answered_as_the_methods_are(client: Client, cs: str) -> None:
    collections = f"/{SUBSCRIPTION}/cloudservices/{cs}/resources/scheduler/JobCollections"

    made = client.call("perform_put", f"{collections}/jc1", "<Resource/>")
    checked = client.call(
        "perform_post", f"{collections}/?op=checknameavailability&resourceName=a", ""
    )
    found = client.call("perform_get", f"/{SUBSCRIPTION}/cloudservices/{cs}")
    deleted = client.call("perform_delete", f"{collections}/jc1")

    assert [each["status"] for each in (made, checked, found, deleted)] == [202, 200, 200, 202]
