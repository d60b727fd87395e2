"""What the tests of attempts share: jobs in few words, what the engine told, and plain looks at its rows."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from shared.events.cloudevent import CloudEvent
from shared.messaging.wake_up import WakeUp
from shared.sql.database import Transaction
from shared.wire.job import Job
from shared.wire.json_codec import encode_json
from shared.wire.json_types import Json, JsonObject
from shared.wire.model import read
from tests.shared.scheduler.engine_stack import EngineStack

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
EVERY_MINUTE: JsonObject = {"frequency": "minute", "interval": 1}
FIRST_AT = "2026-01-01T12:01:00Z"
"""A minute after the clock's start."""


class BugError(Exception):
    """Something nobody thought of."""


async def break_down() -> None:
    raise BugError


def action(
    *, retries: int = 0, every: str = "00:00:30", has_error_action: bool = False
) -> JsonObject:
    """Return an action with a retry policy."""
    request: JsonObject = {"method": "POST", "uri": "http://target.example/"}
    policy: JsonObject = {"retryType": "none"}
    if retries:
        policy = {"retryType": "fixed", "retryInterval": every, "retryCount": retries}
    found: JsonObject = {"type": "http", "request": request, "retryPolicy": policy}
    if has_error_action:
        report: JsonObject = {"method": "POST", "uri": "http://report.example/"}
        found["errorAction"] = {"type": "http", "request": report}
    return found


async def put_recurring(
    stack: EngineStack, name: str = "J", *, does: JsonObject | None = None, **members: Json
) -> None:
    """Define a job that runs every minute from `FIRST_AT` on; `members` are of its recurrence."""
    recurrence: JsonObject = {**EVERY_MINUTE, **members}
    await stack.put(name, startTime=FIRST_AT, recurrence=recurrence, action=does or action())


async def put_once(stack: EngineStack, name: str = "J", *, does: JsonObject | None = None) -> None:
    """Define a job that runs once, at `FIRST_AT`."""
    await stack.put(name, startTime=FIRST_AT, action=does or action())


async def amend(stack: EngineStack, name: str, **members: Json) -> None:
    """Change members of a job that have nothing to do with when it runs, as PATCH does."""
    job = await stack.job(name)
    definition = read(Job, {**members})
    text = encode_json(definition.document()).decode()

    def update(tx: Transaction) -> None:
        changed = type(job)(id=job.id, name=job.name, state=job.state, definition=text)
        stack.store.jobs.update(tx.connection, stack.collection_id, changed)

    await stack.database.run(update)


def ids(events: Sequence[CloudEvent]) -> list[str]:
    """Return the ids of events; a range of skipped occurrences without its job's path."""
    return [event.id.rpartition("/jobs/")[2] for event in events]


async def rows(stack: EngineStack, query: str) -> list[tuple[Any, ...]]:
    """Return what a plain SELECT finds."""

    def select(connection: Connection) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in connection.exec_driver_sql(query)]

    return await stack.database.read(select)


async def change(stack: EngineStack, statement: str) -> None:
    """Change rows as nothing in the engine would."""
    await stack.database.run(lambda tx: tx.connection.exec_driver_sql(statement))


async def wake(stack: EngineStack, id: str, *, attempt: int = 0) -> None:
    """Bring a wake-up past the queue."""
    await stack.executions.run(WakeUp(id, attempt))
