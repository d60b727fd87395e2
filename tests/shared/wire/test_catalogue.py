import re
from pathlib import Path

import pytest

from shared.wire.arm_catalogue import ARM_ROWS
from shared.wire.catalogue import CATALOGUE, Endpoint, ResponseKind
from shared.wire.classic_catalogue import CLASSIC_ROWS

ROWS = list(CATALOGUE.values())
REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
SHORT = {"cloud_service": "cs", "job_collection": "jc", "job": "job", "operation": "request id"}


def name_of(row: Endpoint) -> str:
    return row.name


def test_the_catalogue_offers_what_the_path_needs() -> None:
    assert list(CATALOGUE) == [
        "CreateOrUpdateCloudService",
        "GetCloudService",
        "ListCloudServices",
        "DeleteCloudService",
        "CreateJobCollection",
        "GetJobCollection",
        "DeleteJobCollection",
        "CreateJob",
        "CreateOrUpdateJob",
        "GetJob",
        "ListJobs",
        "PatchJob",
        "DeleteJob",
        "RunJob",
        "GetJobHistory",
        "GetOperationStatus",
    ]


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_path_and_resource_name_the_same_things(row: Endpoint) -> None:
    parameter = re.compile(r"\{(\w+)\}")

    assert parameter.findall(row.path) == parameter.findall(row.resource)


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_asynchronous_ones_bypass_the_provider_and_are_accepted_with_an_empty_body(
    row: Endpoint,
) -> None:
    assert row.asynchronous == (row.success == {202})
    if row.asynchronous:
        assert "/~/" not in row.path
        assert row.response is ResponseKind.NOTHING


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_bodies_go_with_methods_that_have_them(row: Endpoint) -> None:
    says_all_in_its_path = row.name == "RunJob"
    assert (row.request_model is not None) == (
        row.method in {"PUT", "POST", "PATCH"} and not says_all_in_its_path
    )


def test_path_and_route_end_alike_where_the_resource_does_not() -> None:
    assert {row.name: row.suffix for row in ROWS if row.suffix} == {
        "RunJob": "/run",
        "GetJobHistory": "/history",
    }
    for row in ROWS:
        assert row.path.endswith(row.suffix)
        assert row.route == row.resource + row.suffix


def test_no_two_of_them_are_reached_by_one_request() -> None:
    assert len({(row.method, row.path) for row in ROWS}) == len(ROWS)
    assert len({(row.method, row.route) for row in ROWS}) == len(ROWS)


def test_only_jobs_are_json() -> None:
    assert {row.name for row in ROWS if not row.is_xml} == {
        "CreateJob", "CreateOrUpdateJob", "GetJob", "ListJobs", "PatchJob", "DeleteJob",
        "RunJob", "GetJobHistory",
    }  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_the_reference_tells_each_command_its_resource_and_its_route(row: Endpoint) -> None:
    def written(path: str) -> str:
        return path.format_map({name: f"{{{short}}}" for name, short in SHORT.items()})

    def rows(page: str) -> list[list[str]]:
        lines = (REFERENCE / page).read_text().splitlines()
        return [line.split("|")[1:-1] for line in lines if line.startswith("|")]

    (command,) = [cells for cells in rows("commands.md") if f"`{row.name}`" in cells[0]]
    assert f"`{written(row.resource)}`" in command[1]
    if row.name != "GetOperationStatus":  # at the connector, operations are its own
        (route,) = [cells for cells in rows("http.md") if cells[0] == f" `{written(row.route)}` "]
        assert route[1].strip() if row.is_read else row.method in route[2]


def test_what_reads_one_resource_is_known() -> None:
    rows = [*CLASSIC_ROWS, *ARM_ROWS]

    assert {row.name for row in rows if row.reads_one} == {
        "GetJob",
        "GetJobCollection",
        "GetOperationStatus",
    }
