import re
from pathlib import Path

import pytest

from shared.wire.arm_catalogue import ARM_ROWS
from shared.wire.catalogue import CATALOGUE
from shared.wire.classic_catalogue import CLASSIC_ROWS
from shared.wire.endpoint import AfterUnknown, Endpoint, ResponseKind

ROWS = list(CATALOGUE.values())
REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
SHORT = {
    "cloud_service": "cs",
    "job_collection": "jc",
    "job": "job",
    "operation": "request id",
    "provider": "ns",
}
SAY_ALL_IN_THEIR_PATH = {
    "RunJob",
    "EnableJobCollection",
    "DisableJobCollection",
    "RegisterResourceProvider",
    "UnregisterResourceProvider",
}


def name_of(row: Endpoint) -> str:
    return row.name


def test_the_catalogue_offers_what_the_path_needs() -> None:
    assert list(CATALOGUE) == [
        "CreateOrUpdateCloudService",
        "GetCloudService",
        "ListCloudServices",
        "DeleteCloudService",
        "EntitleResource",
        "RegisterResourceProvider",
        "UnregisterResourceProvider",
        "GetResourceProviderProperties",
        "GetResourceProvider",
        "CreateJobCollection",
        "UpdateJobCollection",
        "PatchJobCollection",
        "GetJobCollection",
        "ListJobCollections",
        "DeleteJobCollection",
        "CheckJobCollectionName",
        "EnableJobCollection",
        "DisableJobCollection",
        "CreateJob",
        "CreateOrUpdateJob",
        "GetJob",
        "ListJobs",
        "PatchJob",
        "SetJobsState",
        "DeleteJob",
        "RunJob",
        "GetJobHistory",
        "GetOperationStatus",
    ]


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_path_and_query_name_what_the_resource_names(row: Endpoint) -> None:
    parameter = re.compile(r"\{(\w+)\}")
    sent = "".join(value for _, value in row.sends)

    assert parameter.findall(f"{row.path}{sent}") == parameter.findall(row.resource)


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_asynchronous_ones_bypass_the_provider_and_are_accepted_with_an_empty_body(
    row: Endpoint,
) -> None:
    is_purchase = row.name == "EntitleResource"
    assert (row.asynchronous or is_purchase) == (row.success == {202})
    if row.asynchronous:
        assert "/~/" not in row.path
        assert row.response is ResponseKind.NOTHING


@pytest.mark.parametrize(
    ("name", "status", "goes_on", "is_success"),
    [
        ("CreateJobCollection", 202, True, True),
        ("CreateJobCollection", 200, False, False),
        ("EnableJobCollection", 200, False, True),
        ("EnableJobCollection", 202, True, True),
        ("EntitleResource", 202, False, True),
        ("CreateOrUpdateJob", 201, False, True),
        ("CreateOrUpdateJob", 202, False, False),
    ],
)
def test_a_202_goes_on_where_something_can(
    name: str, status: int, goes_on: bool, is_success: bool
) -> None:
    row = CATALOGUE[name]

    assert (row.goes_on(status), row.is_success(status)) == (goes_on, is_success)


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_bodies_go_with_methods_that_have_them(row: Endpoint) -> None:
    assert (row.request_model is not None) == (
        row.method in {"PUT", "POST", "PATCH"} and row.name not in SAY_ALL_IN_THEIR_PATH
    )
    assert row.query_model is None or row.is_read


def test_path_and_route_end_alike_where_the_resource_does_not() -> None:
    assert {row.name: row.suffix for row in ROWS if row.suffix} == {
        "RegisterResourceProvider": "/register",
        "UnregisterResourceProvider": "/unregister",
        "GetResourceProviderProperties": "/properties",
        "CheckJobCollectionName": "/checknameavailability",
        "EnableJobCollection": "/enable",
        "DisableJobCollection": "/disable",
        "RunJob": "/run",
        "GetJobHistory": "/history",
    }
    for row in ROWS:
        selector = "" if row.selector is None else f"/{row.selector[1]}"
        assert f"{row.path}{selector}".lower().endswith(row.suffix)
        assert row.route == row.resource + row.suffix


def test_no_two_of_them_are_reached_by_one_request() -> None:
    own = [row for row in ROWS if not row.shares_path]
    offered = [row for row in ROWS if row.name != "UpdateJobCollection"]

    assert len({(row.method, row.path, row.selector) for row in own}) == len(own)
    assert len({(row.verb, row.route) for row in offered}) == len(offered)


def test_what_shares_a_path_has_another_row_to_answer_it() -> None:
    own = {(row.method, row.path): row.name for row in ROWS if not row.shares_path}

    assert {row.name: own[row.method, row.path] for row in ROWS if row.shares_path} == {
        "UpdateJobCollection": "CreateJobCollection",
        "ListJobCollections": "GetCloudService",
    }


def test_only_jobs_and_what_arm_alone_had_are_json() -> None:
    assert {row.name for row in ROWS if not row.is_xml} == {
        "CreateJob", "CreateOrUpdateJob", "GetJob", "ListJobs", "PatchJob", "DeleteJob",
        "SetJobsState", "RunJob", "GetJobHistory", "PatchJobCollection", "EnableJobCollection",
        "DisableJobCollection", "GetResourceProvider",
    }  # fmt: skip


def test_what_the_retired_service_had_on_arm_alone_is_known() -> None:
    assert {row.name for row in ROWS if row.arm_only} == {
        "PatchJobCollection",
        "EnableJobCollection",
        "DisableJobCollection",
        "RunJob",
        "GetResourceProvider",
    }


def test_what_follows_an_unknown_outcome_is_said_of_every_row() -> None:
    by_value = {
        value: {row.name for row in ROWS if row.after_unknown is value} for value in AfterUnknown
    }

    assert by_value[AfterUnknown.VERIFY] == {
        "CreateJob",
        "CreateOrUpdateJob",
        "UpdateJobCollection",
    }
    assert by_value[AfterUnknown.GIVE_UP] == {"RunJob", "EntitleResource"}
    assert all(CATALOGUE[name].is_read is False for name in by_value[AfterUnknown.VERIFY])


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_the_reference_tells_each_command_its_resource_and_its_route(row: Endpoint) -> None:
    def written(path: str) -> str:
        return path.format_map({name: f"{{{short}}}" for name, short in SHORT.items()})

    def rows(page: str) -> list[list[str]]:
        lines = (REFERENCE / page).read_text().splitlines()
        return [line.split("|")[1:-1] for line in lines if line.startswith("|")]

    (command,) = [cells for cells in rows("commands.md") if f"`{row.name}`" in cells[0]]
    assert f"`{written(row.resource)}`" in command[1]
    assert ("¹" in command[0]) == row.arm_only
    if row.name != "GetOperationStatus":  # at the connector, operations are its own
        (route,) = [cells for cells in rows("http.md") if cells[0] == f" `{written(row.route)}` "]
        assert route[1].strip() if row.is_read else row.verb in route[2]


@pytest.mark.parametrize("value", [AfterUnknown.VERIFY, AfterUnknown.GIVE_UP])
def test_the_reference_tells_what_follows_an_unknown_outcome(value: AfterUnknown) -> None:
    names = [f"`{name}`" for name in sorted(row.name for row in ROWS if row.after_unknown is value)]

    assert f"| {', '.join(names)} |" in (REFERENCE / "commands.md").read_text()


def test_what_reads_one_resource_is_known() -> None:
    rows = [*CLASSIC_ROWS, *ARM_ROWS]

    assert {row.name for row in rows if row.reads_one} == {
        "GetJob",
        "GetJobCollection",
        "GetOperationStatus",
    }
