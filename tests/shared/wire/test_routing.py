from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.errors import InvalidRequestError
from shared.wire.catalogue import CATALOGUE
from shared.wire.endpoint import Endpoint
from shared.wire.names import name_faults
from shared.wire.routing import (
    Match,
    MethodNotAllowed,
    NotFound,
    connector_router,
    parse_resource,
    resource_path,
    service_path,
    service_router,
)
from tests.shared.wire.recordings import recorded

SERVICE = service_router()
CONNECTOR = connector_router()
SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
PARAMS = {
    "cloud_service": "cs1",
    "job_collection": "jc1",
    "job": "j1",
    "operation": "0" * 32,
    "provider": "scheduler",
}
JOBS = "/cloudservices/cs1/resources/scheduler/~/JobCollections/jc1/jobs"


def name_of(row: Endpoint) -> str:
    return row.name


@pytest.mark.parametrize("row", CATALOGUE.values(), ids=name_of)
def test_every_endpoint_is_reached_by_the_path_that_is_made_for_it(row: Endpoint) -> None:
    path = service_path(row, PARAMS, subscription=SUBSCRIPTION)
    query = "=".join(row.selector or ())

    routed = SERVICE.match(row.method, path, query)

    assert isinstance(routed, Match)
    assert (routed.endpoint.path, routed.endpoint.selector) == (row.path, row.selector)
    assert routed.endpoint.name == row.name or row.shares_path
    assert routed.params["subscription"] == SUBSCRIPTION


@pytest.mark.parametrize(
    ("name", "endpoint"),
    [
        ("create-cloud-service", "CreateOrUpdateCloudService"),
        ("operation-succeeded", "GetOperationStatus"),
        ("create-job-collection", "CreateJobCollection"),
        ("create-job", "CreateOrUpdateJob"),
        ("list-jobs", "ListJobs"),
        ("get-job-collection", "GetJobCollection"),
        ("list-cloud-services", "ListCloudServices"),
    ],
)
def test_recorded_paths_reach_their_endpoints(name: str, endpoint: str) -> None:
    exchange = recorded(name)

    routed = SERVICE.match(exchange.method, exchange.uri.partition("?")[0])

    assert isinstance(routed, Match)
    assert routed.endpoint.name == endpoint


@pytest.mark.parametrize(
    ("path", "job"),
    [
        (f"/s{JOBS}/j1", "j1"),
        (f"/s{JOBS.upper()}/J1", "J1"),
        (f"/s{JOBS.replace('~', '%7E')}/j1", "j1"),
        (f"/s{JOBS}/j%201%2Fx", "j 1/x"),
        (f"/s{JOBS}/a%2525", "a%25"),
        (f"/s{JOBS}/%C3%A4", "ä"),
    ],
)
def test_literals_ignore_case_and_names_are_decoded_once(path: str, job: str) -> None:
    routed = SERVICE.match("GET", path)

    assert isinstance(routed, Match)
    assert (routed.endpoint.name, routed.params["job"]) == ("GetJob", job)


@pytest.mark.parametrize(
    "path",
    ["", "/", "/s", "/s/", "//cloudservices", "/s/cloudservices//", "/s/cloudservices/a/b", f"/s{JOBS}/j1/x",
     f"/s{JOBS}/%FF", f"/s{JOBS}//j1", "/s/cloudservices/cs1/resources/scheduler", f"/s{JOBS}//"],
)  # fmt: skip
def test_p10_other_paths_are_not_found(path: str) -> None:
    assert SERVICE.match("GET", path) == NotFound()


def test_other_methods_are_told_which_are_allowed() -> None:
    assert SERVICE.match("POST", f"/s{JOBS}/j1") == MethodNotAllowed(
        frozenset({"GET", "PUT", "PATCH", "DELETE"})
    )


def test_the_provider_takes_no_put_of_collections_and_the_front_end_no_reads() -> None:
    passed, direct = JOBS.removesuffix("/jobs"), JOBS.removesuffix("/jobs").replace("/~", "")

    assert SERVICE.match("PUT", f"/s{passed}") == MethodNotAllowed(frozenset({"GET", "PATCH"}))
    assert SERVICE.match("GET", f"/s{direct}") == MethodNotAllowed(frozenset({"PUT", "DELETE"}))


@pytest.mark.parametrize(
    ("method", "path", "endpoint"),
    [
        ("PUT", "/cloudservices/cs1", "CreateOrUpdateCloudService"),
        ("DELETE", "/CloudServices/cs1/JobCollections/jc1", "DeleteJobCollection"),
        ("POST", "/cloudservices/cs1/jobcollections/jc1/jobs", "CreateJob"),
        ("GET", "/cloudservices/cs1/jobcollections/jc1/jobs/", "ListJobs"),
        ("PATCH", "/cloudservices/cs1/jobcollections/jc1/jobs/j1", "PatchJob"),
        ("POST", "/cloudservices/cs1/jobcollections/jc1/jobs/j1/run", "RunJob"),
        ("POST", "/CloudServices/cs1/JobCollections/jc1/Jobs/j1/RUN/", "RunJob"),
        ("GET", "/cloudservices/cs1/jobcollections/jc1/jobs/j1/history", "GetJobHistory"),
        ("GET", "/cloudservices/cs1/jobcollections/jc1/jobs/history", "GetJob"),
        ("POST", "/cloudservices/cs1/jobcollections/jc1/jobs/run/run", "RunJob"),
    ],
)
def test_the_connector_routes_by_resource_and_what_is_asked_of_it(
    method: str, path: str, endpoint: str
) -> None:
    routed = CONNECTOR.match(method, path)

    assert isinstance(routed, Match)
    assert routed.endpoint.name == endpoint


@pytest.mark.parametrize(("suffix", "method"), [("run", "POST"), ("history", "GET")])
def test_what_is_asked_of_a_job_has_one_method(suffix: str, method: str) -> None:
    resource = "/cloudservices/cs1/jobcollections/jc1/jobs/j1"

    for routed in (
        SERVICE.match("PUT", f"/s{JOBS}/j1/{suffix}"),
        CONNECTOR.match("PUT", f"{resource}/{suffix}"),
    ):
        assert routed == MethodNotAllowed(frozenset({method}))


@pytest.mark.parametrize("name", ["RunJob", "GetJobHistory"])
def test_what_is_asked_of_a_job_has_the_job_as_its_resource(name: str) -> None:
    resource = "/cloudservices/cs1/jobcollections/jc1/jobs/j1"
    row = CATALOGUE[name]

    assert resource_path(row, PARAMS) == resource
    assert resource_path(row, parse_resource(row, resource)) == resource
    with pytest.raises(InvalidRequestError):
        parse_resource(row, f"{resource}{row.suffix}")


def test_operations_of_the_service_are_not_the_connectors() -> None:
    assert CONNECTOR.match("GET", f"/operations/{'0' * 32}") == NotFound()


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=100))
def test_any_name_of_a_job_survives_both_kinds_of_path(name: str) -> None:
    endpoint = CATALOGUE["GetJob"]
    params = {"cloud_service": "cs1", "job_collection": "jc1", "job": name}
    if name_faults(params):
        with pytest.raises(InvalidRequestError):
            parse_resource(endpoint, resource_path(endpoint, params))
        return

    routed = SERVICE.match("GET", service_path(endpoint, params, subscription="s"))

    assert isinstance(routed, Match)
    assert routed.params == {"subscription": "s", **params}
    assert parse_resource(endpoint, resource_path(endpoint, params)) == params


@given(st.text(st.characters(max_codepoint=0x17F), min_size=1))
@example("a-b_c.d~e")
@example("a\n")
def test_names_are_encoded_as_the_standard_library_does(name: str) -> None:
    path = resource_path(CATALOGUE["GetCloudService"], {"cloud_service": name})

    assert path == f"/cloudservices/{quote(name, safe='')}"


def test_a_name_never_becomes_two_segments() -> None:
    path = resource_path(CATALOGUE["GetCloudService"], {"cloud_service": "a/b?c#d%"})

    assert path == "/cloudservices/a%2Fb%3Fc%23d%25"


@given(st.text(max_size=80).map(lambda text: f"/s/{text}"))
def test_p10_any_path_is_routed_somewhere(path: str) -> None:
    assert isinstance(SERVICE.match("GET", path), Match | NotFound | MethodNotAllowed)


@pytest.mark.parametrize(
    "resource",
    ["", "/cloudservices/cs1", "/cloudservices/%2E%2E/jobcollections/jc1/jobs/j1",
     "/cloudservices/cs1/jobcollections/jc1/jobs/a%2Fb", "/operations/1"],
)  # fmt: skip
def test_p10_resources_of_another_form_are_faults(resource: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parse_resource(CATALOGUE["GetJob"], resource)

    assert {fault.path for fault in caught.value.faults} == {"$.resource"}
