import base64
import json
import re
from dataclasses import replace

import pytest

from shared.sql.database import Transaction
from shared.wire.endpoint import Surface
from tests.shared.scheduler.scheduler_stack import (
    CLOUD_SERVICE,
    CS,
    JC,
    JC_PASSED,
    JOB,
    JOBS,
    ROOT,
    VERSION,
    Reply,
    Stack,
    job_collection,
)

GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def etag_in(text: str) -> str:
    return text.partition("<ETag>")[2].partition("<")[0]


async def test_a_cloud_service_is_created_and_read_back(stack: Stack) -> None:
    created = await stack.call("PUT", CS, CLOUD_SERVICE)
    found = await stack.call("GET", CS.lower())

    assert (created.status, created.body, found.status) == (202, b"", 200)
    assert GUID.fullmatch(created.headers["etag"])
    assert found.headers["etag"] == created.headers["etag"]
    assert "<Name>cs1</Name><Label>label</Label>" in found.text()
    assert "<GeoRegion>West Europe</GeoRegion><Resources/></CloudService>" in found.text()


async def test_an_empty_subscription_lists_118_bytes(stack: Stack) -> None:
    listed = await stack.call("GET", f"{ROOT}/CloudServices")

    assert (listed.status, len(listed.body)) == (200, 118)


async def test_a_cloud_service_stays_in_its_region(stack: Stack) -> None:
    await stack.call("PUT", CS, CLOUD_SERVICE)

    again = await stack.call("PUT", CS, CLOUD_SERVICE.replace(">label", ">new label"))
    moved = await stack.call("PUT", CS, CLOUD_SERVICE.replace("West Europe", "East Asia"))

    assert (again.status, moved.status) == (202, 409)
    assert "<Code>ConflictError</Code>" in moved.text()
    assert "new label" in (await stack.call("GET", CS)).text()


async def test_a_collection_is_created_and_shown_in_both_places(stack: Stack) -> None:
    await stack.call("PUT", CS, CLOUD_SERVICE)
    label = f"<Label>{base64.b64encode('näme'.encode()).decode()}</Label>"
    quota = "<Quota><MaxJobCount>3</MaxJobCount></Quota>"

    created = await stack.call("PUT", JC, job_collection(quota=quota, label=label))
    at_once = await stack.call("GET", JC_PASSED)
    await stack.work()
    later = await stack.call("GET", f"{JC_PASSED}?api-version=2014-04-01")
    listed = await stack.call("GET", f"{ROOT}/cloudservices")

    assert created.status == 202
    assert "<Result>InProgress</Result>" in at_once.text()
    assert etag_in(later.text()) == created.headers["etag"]
    assert "etag" not in later.headers
    assert later.text().startswith('<Resource xmlns="http://schemas.microsoft.com/windowsazure"')
    for part in (
        "<CloudServiceSettings><GeoRegion>West Europe</GeoRegion></CloudServiceSettings>",
        "<HttpCode>200</HttpCode><Message>OK</Message></Error><Result>Succeeded</Result>",
        "<Quota><MaxJobCount>3</MaxJobCount></Quota>",
        label,
        "<Type>jobcollections</Type>",
    ):
        assert part in later.text()
    assert "<Type>JobCollections</Type><Name>jc1</Name>" in listed.text()


async def test_what_names_nothing_is_not_found(stack: Stack) -> None:
    xml = [
        await stack.call("GET", CS),
        await stack.call("DELETE", CS),
        await stack.call("PUT", JC, job_collection()),
        await stack.call("DELETE", JC),
    ]
    json = await stack.call("GET", JC_PASSED)

    assert [reply.status for reply in (*xml, json)] == [404] * 5
    assert all("<Code>ResourceNotFound</Code>" in reply.text() for reply in xml)
    assert json.json()["error"]["code"] == "ResourceNotFound"


async def test_if_match_guards_an_update(stack: Stack) -> None:
    await stack.prepare()
    etag = etag_in((await stack.call("GET", JC_PASSED)).text())

    stale = await stack.call("PUT", JC, job_collection(), VERSION | {"If-Match": "stale"})
    fresh = await stack.call("PUT", JC, job_collection(), VERSION | {"If-Match": etag})
    second = await stack.call("PUT", JC, job_collection(), VERSION | {"If-Match": etag})
    absent = await stack.call("PUT", f"{JC}x", job_collection(), VERSION | {"If-Match": etag})
    nothing = await stack.call("PUT", f"{JC}x", job_collection(), VERSION | {"If-Match": "*"})

    assert [one.status for one in (stale, fresh, second)] == [412, 202, 412]
    assert [one.status for one in (absent, nothing)] == [412, 412]
    assert "<Code>PreconditionFailed</Code>" in stale.text()
    assert fresh.headers["etag"] != etag


@pytest.mark.parametrize("form", ["", "*", "{etag}", '"{etag}"', 'W/"{etag}"', '"other", "{etag}"'])
async def test_an_update_is_accepted_that_names_what_is_there_or_nothing(
    stack: Stack, form: str
) -> None:
    await stack.prepare()
    etag = etag_in((await stack.call("GET", JC_PASSED)).text())
    # Node sends the element empty, .NET with the tag: the header counts.
    body = job_collection().replace("<IntrinsicSettings>", "<ETag/><IntrinsicSettings>")

    updated = await stack.call("PUT", JC, body, VERSION | {"If-Match": form.format(etag=etag)})
    await stack.work()

    assert updated.status == 202
    assert etag_in((await stack.call("GET", JC_PASSED)).text()) == updated.headers["etag"] != etag


async def test_a_second_free_collection_is_forbidden(stack: Stack) -> None:
    await stack.prepare(plan="Free")

    second = await stack.call("PUT", f"{JC}x", job_collection("free"))
    same = await stack.call("PUT", JC, job_collection("Free"))

    assert (second.status, same.status) == (403, 202)
    # The misspelling is the retired service's.
    assert second.text().endswith(
        "<Code>ForbiddenError</Code><Message>The resource is blocked to recieve any updates."
        "</Message></Error>"
    )


async def test_p20_collections_are_limited_in_each_subscription(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    await stack.prepare(plan="P20Premium")
    await stack.call("PUT", f"{JC}y", job_collection())
    await stack.database.run(lambda tx: fill(stack, tx, 10_000 - 1))

    more = await stack.call("PUT", f"{JC}x", job_collection("P20Premium"))
    changed = await stack.call("PUT", f"{JC}y", job_collection("P20Premium"))
    same = await stack.call("PUT", JC, job_collection("P20Premium"))
    other = await stack.call("PUT", f"{JC}x", job_collection("Standard"))

    assert [one.status for one in (more, changed, same, other)] == [403, 403, 202, 202]
    reasons = [getattr(record, "reason", "") for record in caplog.records]
    assert "10000 job collections of plan P20Premium, of 10000 that it may have" in reasons


def fill(stack: Stack, transaction: Transaction, collections: int) -> None:
    found = stack.store.job_collections.get(transaction.connection, 1)
    assert found is not None
    for number in range(collections):
        row = replace(found, name=f"p{number}")
        stack.store.job_collections.insert(transaction.connection, row)


async def test_a_collection_made_through_arm_is_spelled_as_there(stack: Stack) -> None:
    await stack.prepare()

    def move(transaction: Transaction) -> None:
        found = stack.store.job_collections.get(transaction.connection, 1)
        assert found is not None
        stack.store.job_collections.update(
            transaction.connection, replace(found, surface=Surface.ARM)
        )

    await stack.database.run(move)
    await stack.call("PUT", f"{JC}x", job_collection())
    updated = await stack.call("PUT", JC, job_collection(label="<Label>bGFi</Label>"))

    listed = (await stack.call("GET", f"{ROOT}/cloudservices")).text()
    resources = re.findall(
        "<ResourceProviderNamespace>(.*?)</ResourceProviderNamespace><Type>(.*?)</Type>"
        "<Name>(.*?)</Name>",
        listed,
    )
    assert updated.status == 202
    assert resources == [
        ("Scheduler", "jobcollections", "jc1"),
        ("scheduler", "JobCollections", "jc1x"),
    ]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("service", "name", "is_available"),
    [
        ("cs1", "jc1", False),
        ("CS1", "JC1", False),
        ("cs1", "jc2", True),
        # None can be made of that name.
        ("cs1", "1jc", False),
        ("cs1", "jc%201", False),
        # In a cloud service that is not there nothing is taken.
        ("nowhere", "jc1", True),
    ],
)
async def test_whether_a_name_is_free_is_answered_to_either_method(
    stack: Stack, method: str, service: str, name: str, is_available: bool
) -> None:
    await stack.prepare()

    answer = await stack.call(
        method,
        f"{ROOT}/cloudservices/{service}/resources/scheduler/JobCollections/"
        f"?op=checknameavailability&resourceName={name}",
    )

    assert answer.status == 200
    assert f"<IsAvailable>{str(is_available).lower()}</IsAvailable>" in answer.text()


async def test_a_check_without_a_name_is_refused(stack: Stack) -> None:
    path = f"{CS}/resources/scheduler/JobCollections"
    for query in ("op=checknameavailability", "op=checknameavailability&resourceName=", "", "op=x"):
        refused = await stack.call("GET", f"{path}?{query}")

        assert refused.status == 400
        assert "<Code>MissingOrInvalidRequiredQueryParameter</Code>" in refused.text()


async def test_a_quota_beyond_the_plan_is_refused(stack: Stack) -> None:
    await stack.call("PUT", CS, CLOUD_SERVICE)
    quota = (
        "<Quota><MaxJobCount>51</MaxJobCount><MaxRecurrence><Frequency>Minute</Frequency>"
        "<Interval>1</Interval></MaxRecurrence></Quota>"
    )

    standard = await stack.call("PUT", JC, job_collection("Standard", quota))
    free = await stack.call("PUT", JC, job_collection("Free", quota))
    premium = await stack.call("PUT", JC, job_collection("P20Premium", quota))

    assert [one.status for one in (standard, free, premium)] == [400, 400, 202]
    assert "$.quota.maxJobCount" in standard.text()
    assert "$.quota.maxRecurrence" in free.text()


async def test_deleting_takes_the_contents_along(stack: Stack) -> None:
    await stack.prepare()
    await stack.call("PUT", f"{JOBS}/a", JOB)

    deleted = await stack.call("DELETE", CS)
    during = [
        await stack.call("PUT", f"{JOBS}/b", JOB),
        await stack.call("PUT", JC, job_collection()),
        await stack.call("PUT", CS, CLOUD_SERVICE),
        await stack.call("DELETE", JC),
        await stack.call("DELETE", CS),
    ]
    await stack.work()

    assert (deleted.status, deleted.body) == (202, b"")
    assert [reply.status for reply in during] == [409] * 5
    assert await stack.status(deleted) == "Succeeded"
    assert (await stack.call("GET", CS)).status == 404
    assert (await stack.call("GET", f"{JOBS}/a")).status == 404


async def test_a_collection_made_anew_is_empty(stack: Stack) -> None:
    await stack.prepare()
    await stack.call("PUT", f"{JOBS}/a", JOB)
    await stack.call("DELETE", JC)
    await stack.work()

    created = await stack.call("PUT", JC, job_collection())
    await stack.work()

    assert created.status == 202
    assert (await stack.call("GET", JOBS)).body == b"[]"


@pytest.mark.parametrize("label", ["", "not base64", "cid-caf\u00e9"])
async def test_any_label_is_kept(stack: Stack, label: str) -> None:
    await stack.call("PUT", CS, CLOUD_SERVICE)

    created = await stack.call("PUT", JC, job_collection(label=f"<Label>{label}</Label>"))

    assert created.status == 202


async def patch(stack: Stack, body: object) -> Reply:
    return await stack.call("PATCH", JC_PASSED, json.dumps(body))


async def test_a_patch_changes_what_it_names_at_once_and_is_answered_in_json(stack: Stack) -> None:
    quota, label = "<Quota><MaxJobCount>3</MaxJobCount></Quota>", "<Label>bA==</Label>"
    await stack.call("PUT", CS, CLOUD_SERVICE)
    await stack.call("PUT", JC, job_collection("Standard", quota, label))
    await stack.work()
    before = await stack.call("GET", JC_PASSED)

    changed = await patch(stack, {"QUOTA": {"maxRecurrence": {"frequency": "hour", "interval": 2}}})
    without = await patch(stack, {"quota": None, "label": "näme"})

    assert (changed.status, without.status) == (200, 200)
    assert changed.headers["content-type"] == "application/json; charset=utf-8"
    hourly = {"frequency": "hour", "interval": 2}
    assert changed.json()["quota"] == {"maxJobCount": 3, "maxRecurrence": hourly}
    assert (changed.json()["label"], changed.json()["plan"]) == ("l", "Standard")
    assert changed.json()["etag"] != etag_in(before.text())
    assert changed.json()["operationResult"] == "Succeeded"
    after = await stack.call("GET", JC_PASSED)
    assert etag_in(after.text()) == without.json()["etag"]
    assert "Quota" not in after.text()
    assert base64.b64encode("näme".encode()).decode() in after.text()


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ([], "$: must be an object"),
        (None, "$: is required"),
        ({"plan": "Gold"}, "$.plan: must be one of"),
        ({"colour": "red"}, "$.colour: is not a known member"),
        ({"state": "Stopped"}, "$.state: is not a known member"),
        ({"quota": {"maxRecurrence": {"interval": 1}}}, "$.quota.maxRecurrence.frequency: is required"),
        ({"quota": {"maxJobCount": 51}}, "51"),
        ({"label": "a", "LABEL": "b"}, "given more than once"),
    ],
    ids=range(8),
)  # fmt: skip
async def test_p10_a_patch_that_makes_no_collection_is_refused(
    stack: Stack, body: object, fault: str
) -> None:
    await stack.prepare()

    refused = await patch(stack, body)

    assert refused.status == 400
    assert fault in refused.json()["error"]["message"]


async def test_a_patch_that_the_jobs_inside_would_break_is_a_conflict(stack: Stack) -> None:
    await stack.prepare()
    for name in ("a", "b"):
        await stack.call("PUT", f"{JOBS}/{name}", JOB)

    refused = await patch(stack, {"quota": {"maxJobCount": 1}})

    assert refused.status == 409
    assert "Quota" not in (await stack.call("GET", JC_PASSED)).text()


async def test_a_patch_of_what_is_not_there_or_leaves_is_refused(stack: Stack) -> None:
    missing = await patch(stack, {"label": "a"})
    await stack.prepare()
    await stack.call("DELETE", JC)
    leaving = await patch(stack, {"label": "a"})

    assert (missing.status, leaving.status) == (404, 409)


async def test_p4_a_patch_that_comes_again_is_answered_as_the_first_time(stack: Stack) -> None:
    await stack.prepare()
    headers = stack.repeatable("r1")
    first = await stack.call("PATCH", JC_PASSED, {"label": "a"}, headers)
    await patch(stack, {"label": "b"})

    again = await stack.call("PATCH", JC_PASSED, {"label": "a"}, headers)

    assert (again.status, again.body) == (200, first.body)
    assert base64.b64encode(b"b").decode() in (await stack.call("GET", JC_PASSED)).text()
