"""Laws of what waits for what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.connector.ordering import ordering_path, paths_above, range_below
from shared.wire.catalogue import CATALOGUE

NAMES = st.text(st.sampled_from("ab./%é ~0"), min_size=1, max_size=3).filter(str.strip)
PATHS = st.lists(st.text("ab-.0~", min_size=1, max_size=3), min_size=1, max_size=6).map(
    lambda segments: f"/{'/'.join(segments)}/"
)


@given(PATHS, PATHS)
def test_p3_paths_above_are_the_prefixes_of_whole_segments(one: str, other: str) -> None:
    assert (other in paths_above(one)) == one.startswith(other)


@given(PATHS, PATHS)
def test_p3_range_below_holds_what_is_below_and_nothing_else(one: str, other: str) -> None:
    lower, upper = range_below(one)

    assert (lower < other < upper) == (other.startswith(one) and other != one)


@given(NAMES, NAMES, NAMES)
def test_p3_path_of_a_job_lies_below_its_collection_and_cloud_service(
    cloud_service: str, job_collection: str, job: str
) -> None:
    params = {"cloud_service": cloud_service, "job_collection": job_collection, "job": job}

    paths = [
        ordering_path(CATALOGUE[name], params)
        for name in ("DeleteCloudService", "DeleteJobCollection", "CreateJob", "DeleteJob")
    ]

    assert [path in paths_above(paths[-1]) for path in paths] == [True] * 4
    assert len(paths_above(paths[-1])) == 6


@pytest.mark.parametrize("name", ["RunJob", "GetJobHistory", "GetJob"])
def test_p3_what_is_asked_of_a_job_has_the_path_of_the_job(name: str) -> None:
    params = {"cloud_service": "cs1", "job_collection": "jc1", "job": "Nightly"}

    path = ordering_path(CATALOGUE[name], params)

    assert path == "/cloudservices/cs1/jobcollections/jc1/jobs/nightly/"


@given(NAMES)
def test_p3_names_that_differ_in_case_are_one(name: str) -> None:
    endpoint = CATALOGUE["GetCloudService"]

    assert ordering_path(endpoint, {"cloud_service": name.upper()}) == ordering_path(
        endpoint, {"cloud_service": name.lower()}
    )
