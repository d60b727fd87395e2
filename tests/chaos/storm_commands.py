"""What the storm asks for, and the Scheduler service that it finds: with a collection in it, and a job."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import strategies as st

from tests.chaos.failing_line import StormClock
from tests.clocks import FakeClock
from tests.shared.connector.world import CLOUD_SERVICE, JOB, message
from tests.shared.scheduler.scheduler_stack import (
    CLOUD_SERVICE as CLOUD_SERVICE_XML,
)
from tests.shared.scheduler.scheduler_stack import (
    ROOT,
    Stack,
    job_collection,
    open_stack,
)

Commands = list[dict[str, Any]]

SERVICES = ("a", "b", "c")
COLLECTION = "jc"
LATER = "2026-06-01T00:00:00Z"
IDS_OF_THE_STORM = 1_000_000
"""What was there before it has lower ones."""
PURCHASE = {
    "resourceProviderNameSpace": "scheduler",
    "type": "JobCollections",
    "registrationDate": "2016-01-01T00:00:00Z",
}


def service(name: str) -> str:
    return f"/cloudservices/{name}"


def collection(name: str) -> str:
    return f"{service(name)}/jobcollections/{COLLECTION}"


def job(name: str) -> str:
    return f"{collection(name[0])}/jobs/{name[1]}"


def command(name: str, resources: Sequence[str], *bodies: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(message, st.just(name), st.sampled_from(resources), st.sampled_from(bodies))


def conditional() -> st.SearchStrategy[dict[str, Any]]:
    """Draw updates of the collection as it was before the storm."""

    def update(label: str) -> dict[str, Any]:
        body = {"plan": "Standard", "label": label}
        etag = before_the_storm().etag
        return message("UpdateJobCollection", OF_COLLECTIONS[0], body, ifMatch=etag)

    return st.builds(update, st.sampled_from(["one", "another"]))


OF_SERVICES = [service(name) for name in ("a", "b")]
OF_COLLECTIONS = [collection(name) for name in ("a", "a", "b")]
OF_ALL_JOBS = [f"{one}/jobs" for one in OF_COLLECTIONS]
OF_JOBS = [job(name) for name in ("ax", "ax", "ay", "bx")]
PUT_JOB = command(
    "CreateOrUpdateJob", OF_JOBS, {**JOB, "startTime": LATER}, {**JOB, "state": "disabled"}
)
STATES = ({"state": "disabled"}, {"state": "enabled"})
PATCH_JOB = command("PatchJob", OF_JOBS, *STATES)
DELETE_JOB = command("DeleteJob", OF_JOBS, None)
# What any server knows; those of jobs stand for two, since a repeat of theirs shows.
COMMANDS = (
    PUT_JOB,
    PUT_JOB,
    PATCH_JOB,
    DELETE_JOB,
    DELETE_JOB,
    command("CreateJob", OF_ALL_JOBS, {**JOB, "startTime": LATER}),
    command("GetJob", OF_JOBS, None),
    command("CreateJobCollection", OF_COLLECTIONS, {"plan": "Standard"}),
    conditional(),
    command("DeleteJobCollection", OF_COLLECTIONS, None),
    command("CreateOrUpdateCloudService", OF_SERVICES, CLOUD_SERVICE),
    command("DeleteCloudService", OF_SERVICES, None),
)
OF_OURS = (
    command("RunJob", OF_JOBS, None),
    command("RunJob", OF_JOBS, None),
    command("SetJobsState", OF_ALL_JOBS, *STATES),
    command("EnableJobCollection", OF_COLLECTIONS, None),
    command("DisableJobCollection", OF_COLLECTIONS, None),
    command("PatchJobCollection", OF_COLLECTIONS, {"label": "new"}),
)
HASTY = st.builds(
    lambda one, limit: [{**one, "deadline": limit}],
    st.one_of(PUT_JOB, PATCH_JOB, DELETE_JOB),
    st.sampled_from(["PT1S", "PT10S"]),
)
"""Of use for a few seconds only."""
OF_OTHERS = (command("EntitleResource", ["/entitlements"], PURCHASE),)
ON_ONE_JOB = st.one_of(
    command("CreateOrUpdateJob", [job("ax")], {**JOB, "startTime": LATER}),
    command("PatchJob", [job("ax")], *STATES),
    command("DeleteJob", [job("ax")], None),
    command("PatchJobCollection", [collection("a")], {"label": "newer"}),
)
ON_ONE_SERVICE = st.one_of(
    command("CreateOrUpdateCloudService", [service("c")], CLOUD_SERVICE),
    command("DeleteCloudService", [service("c")], None),
)
IN_A_ROW = st.one_of(
    st.lists(ON_ONE_JOB, min_size=3, max_size=4), st.lists(ON_ONE_SERVICE, min_size=3, max_size=4)
)
"""Each waits for the one before it; nothing else is in the way of those of the service that is theirs alone."""


def some(*kinds: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Commands]:
    """Draw what comes in one request."""
    return st.lists(st.one_of(*kinds), min_size=1, max_size=3)


@dataclass(frozen=True, slots=True)
class Before:
    """The files of a service, and the ETag of the collection there."""

    files: Mapping[str, bytes]
    etag: str


@asynccontextmanager
async def opened_stack(folder: Path) -> AsyncIterator[Stack]:
    """Open the service in `folder`, with what it has before the storm."""
    for name, content in before_the_storm().files.items():
        path = folder / "service" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    async with open_stack(folder / "service", StormClock(), ids=IDS_OF_THE_STORM) as stack:
        yield stack


@cache
def before_the_storm() -> Before:
    """Return the same for every example; called first where no event loop runs."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        etag = asyncio.run(prepare(folder))
        files = [path for path in folder.rglob("*") if path.is_file()]
        return Before({str(path.relative_to(folder)): path.read_bytes() for path in files}, etag)


async def prepare(folder: Path) -> str:
    """Make cloud service, collection and job; returns the ETag of the collection."""
    of_service = f"{ROOT}/cloudservices/a"
    of_collection = f"JobCollections/{COLLECTION}"
    async with open_stack(folder, FakeClock()) as stack:
        await stack.call("PUT", of_service, CLOUD_SERVICE_XML)
        await stack.work()
        made = await stack.call(
            "PUT", f"{of_service}/resources/scheduler/{of_collection}", job_collection()
        )
        await stack.work()
        jobs = f"{of_service}/resources/scheduler/~/{of_collection}/jobs"
        job_x = json.dumps({**JOB, "startTime": LATER})
        assert (await stack.call("PUT", f"{jobs}/x", job_x)).status == 201
        await stack.engine.told()
        return made.headers["etag"]
