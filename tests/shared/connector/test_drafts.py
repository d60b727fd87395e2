import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.connector.drafts import Drafts, Origin, sealing_context
from shared.connector.operations import NewOperation
from shared.sealing import Sealer
from shared.wire.commands import Command, parse_commands

SEALER = Sealer({"k1": bytes(32)}, current="k1")
DRAFTS = Drafts(SEALER, lambda: "00000000-0000-0000-0000-000000000001")
ORIGIN = Origin(
    caller="key",
    correlation_id=None,
    traceparent=None,
    reply_to=None,
    requested_at=datetime(2026, 1, 1, tzinfo=UTC),
)
JC = "/cloudservices/CS1/jobcollections/jc1"
JOB = {"action": {"type": "http", "request": {"method": "GET", "uri": "http://e.org/"}}}


def command(name: str, resource: str, **members: Any) -> Command:
    (found,) = parse_commands(
        json.dumps({"command": name, "resource": resource, **members}).encode()
    )
    return found


def draft(name: str, resource: str, **members: Any) -> NewOperation:
    return DRAFTS.operation(command(name, resource, **members), ORIGIN)


def content_of(new: NewOperation) -> Any:
    assert new.sealed_body is not None
    return json.loads(SEALER.unseal(new.sealed_body, context=sealing_context(new.operation.id)))


def test_a_change_has_its_body_and_a_read_its_query_sealed() -> None:
    change = draft("SetJobsState", f"{JC}/jobs", body={"state": "disabled"})
    read = draft("ListJobs", f"{JC}/jobs", query={"$TOP": "5"})

    assert content_of(change) == {"state": "disabled"}
    assert content_of(read) == {"$top": "5"}
    assert draft("ListJobs", f"{JC}/jobs").sealed_body is None
    assert draft("RunJob", f"{JC}/jobs/a").sealed_body is None


@pytest.mark.parametrize(
    ("name", "resource", "members", "path"),
    [
        ("ListCloudServices", "/cloudservices", {}, "/cloudservices/"),
        ("ListJobCollections", "/CloudServices/CS1/jobcollections", {}, "/cloudservices/cs1/jobcollections/"),
        ("ListJobs", f"{JC}/jobs", {}, "/cloudservices/cs1/jobcollections/jc1/jobs/"),
        ("GetJobHistory", f"{JC}/jobs/A", {}, "/cloudservices/cs1/jobcollections/jc1/jobs/a/"),
        (
            "CheckJobCollectionName",
            "/cloudservices/CS1",
            {"query": {"resourceName": "x"}},
            "/cloudservices/cs1/",
        ),
        ("GetResourceProvider", "/providers/Scheduler", {}, "/providers/scheduler/"),
        ("GetOperationStatus", f"/operations/{'A' * 32}", {}, f"/operations/{'a' * 32}/"),
    ],
)  # fmt: skip
def test_p3_a_read_follows_what_changes_its_path_and_blocks_nothing(
    name: str, resource: str, members: dict[str, Any], path: str
) -> None:
    new = draft(name, resource, **members)

    assert (new.follows, new.blocks) == (path, None)


@pytest.mark.parametrize(
    ("name", "resource", "members", "path"),
    [
        ("EnableJobCollection", JC, {}, "/cloudservices/cs1/jobcollections/jc1/"),
        ("RunJob", f"{JC}/jobs/A", {}, "/cloudservices/cs1/jobcollections/jc1/jobs/a/"),
        (
            "SetJobsState",
            f"{JC}/jobs",
            {"body": {"state": "enabled"}},
            "/cloudservices/cs1/jobcollections/jc1/jobs/",
        ),
        ("RegisterResourceProvider", "/providers/Scheduler", {}, "/providers/scheduler/"),
        (
            "CreateJob",
            f"{JC}/jobs",
            {"body": JOB},
            "/cloudservices/cs1/jobcollections/jc1/jobs/00000000000000000000000000000001/",
        ),
    ],
)
def test_p3_a_change_blocks_what_it_follows(
    name: str, resource: str, members: dict[str, Any], path: str
) -> None:
    new = draft(name, resource, **members)

    assert new.follows == new.blocks == path


def test_p4_requests_that_differ_have_other_fingerprints() -> None:
    jobs = f"{JC}/jobs"
    variants = [
        [command("ListJobs", jobs)],
        [command("ListJobs", jobs, query={"$top": "5"})],
        [command("ListJobs", jobs, query={"$top": "6"})],
        [command("ListJobs", jobs, deadline="PT1H")],
        [command("GetJobHistory", f"{jobs}/a", query={"$top": "5"})],
        [command("UpdateJobCollection", JC, body={}, ifMatch="a")],
        [command("UpdateJobCollection", JC, body={}, ifMatch="b")],
        [command("CreateJobCollection", JC, body={})],
    ]

    fingerprints = {DRAFTS.fingerprint(commands, None) for commands in variants}

    assert len(fingerprints) == len(variants)
    one, other = ({"$top": "5", "$skip": "1"}, {"$skip": "1", "$top": "5"})
    assert DRAFTS.fingerprint([command("ListJobs", jobs, query=one)], None) == DRAFTS.fingerprint(
        [command("ListJobs", jobs, query=other)], None
    )
