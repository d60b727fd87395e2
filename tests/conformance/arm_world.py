"""What was there before a recorded session began, as far as its answers show it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.scheduler.execution_store import NewRecord
from shared.wire.job import ActionName, JobExecutionStatus, JobHistory, JobState
from shared.wire.times import parse_instant
from tests.conformance.recordings import Exchange
from tests.contracts.execution_store import CLAIMED
from tests.shared.scheduler.scheduler_stack import SUBSCRIPTION, Stack

VERSION = "?api-version=2016-03-01"
COLLECTION = {"location": "South Central US"}
JOB = {
    "properties": {
        "action": {"type": "Http", "request": {"uri": "http://www.bing.com/", "method": "GET"}},
        "state": "Disabled",
    }
}
HISTORY = "/history"


@dataclass(frozen=True)
class Listed:
    """The lists of a session: by the path that was asked for, what it told of."""

    path: str
    items: Sequence[Mapping[str, Any]]


async def seed(stack: Stack, session: Sequence[Exchange]) -> None:
    """Make the collections that a session lists and does not make itself, and what was in their jobs' histories."""
    made = {path_of(one).lower() for one in session if one.method == "PUT"}
    lists = list(lists_of(session))
    for resource in [
        item for one in lists if one.path.endswith("Collections") for item in one.items
    ]:
        if resource["id"].lower() not in made:
            await put(stack, resource["id"], resource)
    histories = [one for one in lists if one.path.endswith(HISTORY) and one.items]
    if histories:
        await seed_history(stack, max(histories, key=lambda one: len(one.items)))


async def seed_history(stack: Stack, listed: Listed) -> None:
    job = listed.path.removesuffix(HISTORY)
    collection, _, name = job.rpartition("/jobs/")
    await put(stack, collection, COLLECTION)
    await put(stack, job, JOB)
    records = [to_record(name, item["properties"]) for item in reversed(listed.items)]
    await stack.database.run(lambda tx: stack.store.history.insert(tx, records))


def to_record(job: str, properties: Mapping[str, Any]) -> NewRecord:
    """Return a record of the only job that there is."""
    started_at = parse_instant(properties["startTime"])
    occurrence = parse_instant(properties["expectedExecutionTime"])
    return NewRecord(
        execution=replace(CLAIMED, job_id=1, occurrence=occurrence),
        history=JobHistory(
            job_id=job,
            timestamp=started_at,
            start_time=started_at,
            end_time=parse_instant(properties["endTime"]),
            state=JobState.ENABLED,
            message=properties["message"],
            status=JobExecutionStatus(properties.get("status", "completed")),
            action_name=ActionName(properties["actionName"]),
            repeat_count=properties["repeatCount"],
            retry_count=properties["retryCount"],
        ),
    )


def lists_of(session: Sequence[Exchange]) -> Iterator[Listed]:
    for one in session:
        if one.method == "GET" and b'{"value":' in one.answer:
            yield Listed(path_of(one), json.loads(one.answer)["value"])


async def put(stack: Stack, path: str, resource: Mapping[str, Any]) -> None:
    _, subscriptions, _, rest = path.split("/", 3)
    target = f"/{subscriptions}/{SUBSCRIPTION}/{rest}{VERSION}"
    answer = await stack.call_arm("PUT", target, resource)
    assert answer.status == 201, answer.text()


def path_of(one: Exchange) -> str:
    return one.target.partition("?")[0]
