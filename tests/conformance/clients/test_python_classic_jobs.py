"""azure-servicemanagement-legacy 0.20.8: jobs, method by method, and whom the service lets in."""

import pytest

from tests.conformance.clients.classic_python import wait
from tests.conformance.clients.conftest import Open
from tests.conformance.clients.definitions import DEFINITIONS, SIMPLE, START_TIME
from tests.conformance.clients.driver import Client, ClientError, named
from tests.conformance.clients.method_cases import case_of
from tests.conformance.clients.service_process import OTHER_SUBSCRIPTION, ServiceProcess

JobCollection = tuple[str, str]


@pytest.fixture
def client(python_classic: Client) -> Client:
    return python_classic


@pytest.fixture
def jc(client: Client, name: str) -> JobCollection:
    """A collection of this test: its cloud service and its name."""
    wait(client, client.call("create_cloud_service", name, "l", "d", "West Europe"))
    wait(client, client.call("create_job_collection", name, "jc1"))
    return name, "jc1"


@pytest.mark.parametrize("definition", DEFINITIONS)
@case_of("create_job", "get_job")
def test_a_job_comes_back_as_it_was_put_and_without_its_secrets(
    client: Client, jc: JobCollection, definition: str
) -> None:
    accepted = client.call("create_job", *jc, "job1", DEFINITIONS[definition].sent)
    status = wait(client, accepted)

    found = client.call("get_job", *jc, "job1")
    counters = found.pop("status")

    assert status["http_status_code"] == "200"
    assert found == {"id": "job1", **DEFINITIONS[definition].answered}
    assert counters["executionCount"] == counters["failureCount"] == counters["faultedCount"] == 0
    assert counters["nextExecutionTime"] >= START_TIME


@case_of("get_all_jobs")
def test_all_jobs_are_a_list_that_may_be_empty(client: Client, jc: JobCollection) -> None:
    before = client.call("get_all_jobs", *jc)
    ids = ["a", "b c", "d%e", "fü"]
    for each in ids:
        client.call("create_job", *jc, each, {**SIMPLE, "startTime": START_TIME})

    listed = client.call("get_all_jobs", *jc)

    assert before == []
    assert {job["id"] for job in listed} == set(ids)


@case_of("delete_job")
def test_a_deleted_job_is_missing_and_its_operation_has_succeeded(
    client: Client, jc: JobCollection
) -> None:
    client.call("create_job", *jc, "job1", {**SIMPLE, "startTime": START_TIME})

    wait(client, client.call("delete_job", *jc, "job1"))

    for method in ("get_job", "delete_job"):
        with pytest.raises(ClientError, match="Job 'job1' cannot be found") as missing:
            client.call(method, *jc, "job1")
        assert missing.value.type == "AzureMissingResourceHttpError"


def test_a_job_that_is_none_is_refused_in_words(client: Client, jc: JobCollection) -> None:
    with pytest.raises(ClientError, match=r"action.*is required"):
        client.call("create_job", *jc, "job1", {"startTime": START_TIME})


def test_xml_that_this_client_calls_json_is_read(client: Client, cs: str) -> None:
    wait(client, client.call("create_job_collection", cs, "jc1"))
    client.call("get_all_jobs", cs, "jc1")

    # From its first call of a job on it labels everything it sends as JSON.
    wait(client, client.call("create_job_collection", cs, "jc2"))

    assert client.call("get_job_collection", cs, "jc2")["name"] == "jc2"


def test_too_many_jobs_conflict(client: Client, cs: str) -> None:
    wait(client, client.call("create_job_collection", cs, "jc1", "Free"))
    for number in range(5):
        client.call("create_job", cs, "jc1", f"job{number}", {**SIMPLE, "startTime": START_TIME})

    with pytest.raises(ClientError, match="5") as conflict:
        client.call("create_job", cs, "jc1", "job5", {**SIMPLE, "startTime": START_TIME})
    wait(client, client.call("delete_cloud_service", cs))

    assert conflict.value.type == "AzureConflictHttpError"


def test_a_certificate_in_a_file_is_as_good_as_one_in_a_session(open_python_classic: Open) -> None:
    client = open_python_classic(kind="azure-servicemanagement-legacy cert_file")

    assert isinstance(client.call("list_cloud_services"), list)


def test_the_environment_says_whom_to_trust_whatever_the_session_says(
    open_python_classic: Open,
) -> None:
    # A rule of `requests`; REQUESTS_CA_BUNDLE is what the drivers of these tests have.
    client = open_python_classic(verify="/no/such/file")

    assert isinstance(client.call("list_cloud_services"), list)


def test_strangers_and_other_subscriptions_are_refused_in_words(
    open_python_classic: Open, service: ServiceProcess
) -> None:
    for given in (
        {"certificate": str(service.stranger.pem)},
        {"certificate": None},
        {"subscription": OTHER_SUBSCRIPTION},
        {"certificate": str(service.other.pem)},
    ):
        with pytest.raises(ClientError, match="AuthenticationFailed"):
            open_python_classic(**given).call("list_cloud_services")


def test_subscriptions_see_nothing_of_each_other(
    open_python_classic: Open, client: Client, cs: str, service: ServiceProcess
) -> None:
    other = open_python_classic(subscription=OTHER_SUBSCRIPTION, certificate=str(service.other.pem))
    with pytest.raises(ClientError) as missing:
        other.call("get_cloud_service", cs)

    wait(other, other.call("create_cloud_service", cs, "other", "d", "Japan East"))
    wait(other, other.call("delete_cloud_service", cs))

    assert missing.value.type == "AzureMissingResourceHttpError"
    assert client.call("get_cloud_service", cs)["label"] == "l"


def test_the_operation_of_a_job_has_ended_when_the_client_first_looks(
    client: Client, jc: JobCollection
) -> None:
    accepted = client.call("create_job", *jc, "job1", {**SIMPLE, "startTime": START_TIME})

    # It would sleep for 5 s before the next look, and this much patience does not allow for one.
    status = client.call("wait_for_operation_status", accepted["request_id"], named(timeout=0))

    assert status["status"] == "Succeeded"
