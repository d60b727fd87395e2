from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ConflictError, InvalidRequestError
from shared.scheduler.quota import PLANS, allowance, allowance_of, check_count, check_job, period
from shared.wire.job import Job
from shared.wire.job_collection import JobCollection, Plan
from shared.wire.json_types import Json, JsonObject
from shared.wire.model import read
from shared.wire.recurrence import MAX_INTERVAL, Frequency, Recurrence
from tests.client_certificates import TERRAFORM, name, pfx_of, self_signed

REQUEST: JsonObject = {"uri": "https://e.org/", "method": "GET"}
BASIC: Json = {"type": "Basic", "username": "u", "password": "p"}
OAUTH: Json = {
    "type": "ActiveDirectoryOAuth", "tenant": "t", "audience": "a", "clientId": "c", "secret": "s"
}  # fmt: skip
CERTIFICATE: Json = {"type": "ClientCertificate", "pfx": pfx_of(self_signed(name(*TERRAFORM)))}
KEYED: JsonObject = {
    "queueName": "q",
    "namespace": "n",
    "authentication": {"type": "sharedAccessKey", "sasKeyName": "k", "sasKey": "s"},
}


def collection(plan: str, **quota: Json) -> JobCollection:
    return read(JobCollection, {"plan": plan, "quota": quota} if quota else {"plan": plan})


def job(recurrence: Json = None, **action: Json) -> Job:
    main: JsonObject = {"type": "http", "request": REQUEST}
    document: JsonObject = {"action": main | action}
    return read(Job, document | ({"recurrence": recurrence} if recurrence else {}))


@pytest.mark.parametrize(
    ("plan", "jobs", "minutes"),
    [("Free", 5, 60), ("Standard", 50, 1), ("P10Premium", 50, 1), ("P20Premium", 1000, 1)],
)
def test_a_plan_alone_allows_what_the_documents_say(plan: str, jobs: int, minutes: int) -> None:
    allowed = allowance(collection(plan))

    assert (allowed.max_jobs, allowed.min_period) == (jobs, timedelta(minutes=minutes))


def test_a_quota_tightens_the_plan() -> None:
    allowed = allowance(
        collection("Free", maxJobCount=2, maxRecurrence={"frequency": "day", "interval": 2})
    )

    assert (allowed.max_jobs, allowed.min_period) == (2, timedelta(days=2))
    assert not allowed.allows_authentication
    assert allowed.min_retry_interval == timedelta(hours=1)


def test_a_quota_beyond_the_plan_is_refused_with_every_fault() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        allowance(
            collection("Free", maxJobCount=6, maxRecurrence={"frequency": "minute", "interval": 59})
        )

    assert [fault.path for fault in caught.value.faults] == [
        "$.quota.maxJobCount",
        "$.quota.maxRecurrence",
    ]


def test_occurrences_have_no_quota() -> None:
    assert allowance(collection("Standard", maxJobOccurrence=1)) == PLANS[Plan.STANDARD]


def test_a_stored_collection_allows_the_same() -> None:
    assert allowance_of('{"plan":"Free"}') == allowance(collection("Free"))


@pytest.mark.parametrize(("present", "is_allowed"), [(0, True), (4, True), (5, False), (6, False)])
def test_the_count_is_held(present: int, is_allowed: bool) -> None:
    if is_allowed:
        check_count(PLANS[Plan.FREE], present=present, added=1)
        return
    with pytest.raises(ConflictError, match=f"has {present} jobs") as caught:
        check_count(PLANS[Plan.FREE], present=present, added=1)
    assert caught.value.code == "Conflict"


@pytest.mark.parametrize(
    "allowed",
    [
        job(),
        job({"frequency": "hour"}),
        job({"frequency": "minute", "interval": 60}),
        job({"frequency": "month"}),
        job({"frequency": "week", "schedule": {"hours": [5, 6], "weekDays": ["monday"]}}),
        job(retryPolicy={"retryType": "fixed", "retryInterval": "01:00:00"}),
        job(retryPolicy={"retryType": "none", "retryInterval": "00:00:00"}),
        job(retryPolicy={"retryType": "none"}),
        job(errorAction={"type": "http", "request": REQUEST}),
        read(Job, {"action": {"type": "serviceBusQueue", "serviceBusQueueMessage": KEYED}}),
    ],
)
def test_what_free_allows(allowed: Job) -> None:
    check_job(allowed, PLANS[Plan.FREE])


@pytest.mark.parametrize(
    ("refused", "path"),
    [
        (job({"frequency": "minute", "interval": 59}), "$.recurrence"),
        (
            job({"frequency": "month", "schedule": {"minutes": [0, 15, 30, 45]}}),
            "$.recurrence: is every 00:15:00;",
        ),
        (
            job(retryPolicy={"retryType": "fixed", "retryInterval": "00:59:59"}),
            "$.action.retryPolicy.retryInterval",
        ),
        (job(request=REQUEST | {"authentication": BASIC}), "$.action.request.authentication"),
        (job(request=REQUEST | {"authentication": OAUTH}), "$.action.request.authentication"),
        (
            job(request=REQUEST | {"authentication": CERTIFICATE}),
            "$.action.request.authentication",
        ),
        (
            job(errorAction={"type": "http", "request": REQUEST | {"authentication": BASIC}}),
            "$.action.errorAction.request.authentication",
        ),
    ],
)
def test_what_free_refuses_standard_allows(refused: Job, path: str) -> None:
    check_job(refused, PLANS[Plan.STANDARD])

    with pytest.raises(ConflictError) as caught:
        check_job(refused, PLANS[Plan.FREE])

    assert path in caught.value.message


def test_everything_refused_is_told_together() -> None:
    with pytest.raises(ConflictError) as caught:
        check_job(
            job({"frequency": "minute"}, request=REQUEST | {"authentication": BASIC}),
            PLANS[Plan.FREE],
        )

    assert caught.value.message.count("$.") == 2


@given(st.sampled_from(Frequency), st.data())
def test_a_longer_interval_is_a_longer_period(frequency: Frequency, data: st.DataObject) -> None:
    interval = data.draw(st.integers(1, MAX_INTERVAL[frequency] - 1))

    shorter = Recurrence(frequency=frequency, interval=interval)
    longer = Recurrence(frequency=frequency, interval=interval + 1)

    assert timedelta(0) < period(shorter) < period(longer)
