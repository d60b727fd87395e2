import pytest

from shared.cli.job_path import Given, read_collection, read_job
from shared.errors import ConfigurationError


def given(
    path: str | None = None, cs: str | None = None, jc: str | None = None, job: str | None = None
) -> Given:
    return Given(path=path, cloud_service=cs, collection=jc, job=job)


@pytest.mark.parametrize(
    "place",
    [
        given("cs1/jc1/j"),
        given("/cloudservices/cs1/jobcollections/jc1/jobs/j"),
        given("/api/CloudServices/cs1/jobCollections/jc1/jobs/j/"),
        given("cs1/jc1", job="j"),
        given("cs1", jc="jc1", job="j"),
        given(cs="cs1", jc="jc1", job="j"),
        given("cs1/jc1/j", cs="CS1", jc="jc1", job="J"),
    ],
)
def test_a_job_is_named_by_a_path_or_options_or_both(place: Given) -> None:
    where, job = read_job(place)

    assert where.job_path(job) == "/api/cloudservices/cs1/jobcollections/jc1/jobs/j"


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (given(), "--cloud-service is missing.*\n--collection is missing"),
        (given("cs1/jc1"), "--job is missing"),
        (given("cs1/jc1/j", cs="cs2", job="k"), "--cloud-service 'cs2' is not.*\n--job 'k' is not"),
        (given("a/b/c/d"), "is no path such as"),
        (given("a//c"), "is no path such as"),
        (given(""), "is no path such as"),
        (given("/cloudservices/cs1/jobs/j"), "is no path of a job"),
        (given("/cloudservices/cs1/jobcollections"), "is no path of a job"),
        (given("/cloudservices/a/jobcollections/b/jobs/c/run"), "is no path"),
    ],
)
def test_everything_that_is_wrong_is_told(place: Given, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        read_job(place)


def test_names_are_segments_whatever_they_hold() -> None:
    where, job = read_job(given(cs="a b", jc="c?d", job="e/f"))

    assert where.job_path(job) == "/api/cloudservices/a%20b/jobcollections/c%3Fd/jobs/e%2Ff"


def test_a_collection_is_no_job() -> None:
    assert str(read_collection(given("cs1/jc1"))) == "cs1/jc1"
    with pytest.raises(ConfigurationError, match="names a job"):
        read_collection(given("cs1/jc1/j"))
