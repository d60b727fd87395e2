import base64
import re

import pytest

from tests.shared.scheduler.scheduler_stack import (
    CLOUD_SERVICE,
    CS,
    JC,
    JC_PASSED,
    JOB,
    JOBS,
    ROOT,
    VERSION,
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

    assert [one.status for one in (stale, fresh, second, absent)] == [412, 202, 412, 412]
    assert fresh.headers["etag"] != etag


async def test_a_second_free_collection_is_forbidden(stack: Stack) -> None:
    await stack.prepare(plan="Free")

    second = await stack.call("PUT", f"{JC}x", job_collection("free"))
    same = await stack.call("PUT", JC, job_collection("Free"))

    assert (second.status, same.status) == (403, 202)
    assert "<Code>ForbiddenError</Code>" in second.text()


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
