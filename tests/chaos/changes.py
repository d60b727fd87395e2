"""What callers ask for while processes are struck, again if nobody knows whether it was done.

A change of a job that is gone, or in a final state, changes nothing.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace

from shared.scheduler.planning import Planned
from shared.scheduler.store import StoredJob
from shared.sql.database import Transaction
from shared.wire.job import Job, JobState
from shared.wire.json_types import Json
from shared.wire.model import read
from tests.shared.scheduler.engine_stack import EngineStack

Change = Callable[[EngineStack], Awaitable[None]]
CHANGEABLE = (JobState.ENABLED, JobState.DISABLED)


def of_job(
    name: str, work: Callable[[EngineStack, Transaction, StoredJob, Planned], None]
) -> Change:
    """Return a request, which is known once it is carried out: repeating it has no effect."""
    is_known = False

    async def change(stack: EngineStack) -> None:
        def run(tx: Transaction) -> None:
            nonlocal is_known
            found = stack.store.jobs.find(tx.connection, stack.collection_id, name)
            if not is_known and found is not None and found.state in CHANGEABLE:
                work(stack, tx, found, stack.planned(found))
            is_known = True

        await stack.database.run(run)

    return change


def deletion(name: str) -> Change:
    def delete(stack: EngineStack, tx: Transaction, job: StoredJob, planned: Planned) -> None:
        stack.planner.forget(tx, planned)
        stack.store.jobs.delete(tx.connection, stack.collection_id, job.name)

    return of_job(name, delete)


def run(name: str, request_id: str) -> Change:
    def run_once(stack: EngineStack, tx: Transaction, job: StoredJob, planned: Planned) -> None:
        stack.planner.run_now(tx, planned, origin=request_id)

    return of_job(name, run_once)


def put(name: str, **members: Json) -> Change:
    return definition(name, members, resets=True)


def patch(name: str, **members: Json) -> Change:
    return definition(name, members, resets=False)


def amend(name: str, **members: Json) -> Change:
    """Change what has nothing to do with when the job runs."""

    def write(stack: EngineStack, tx: Transaction, job: StoredJob, planned: Planned) -> None:
        document = {**json.loads(job.definition), **members}
        changed = replace(job, definition=json.dumps(document))
        stack.store.jobs.update(tx.connection, stack.collection_id, changed)

    return of_job(name, write)


def definition(name: str, members: dict[str, Json], *, resets: bool) -> Change:
    def define(stack: EngineStack, tx: Transaction, job: StoredJob, planned: Planned) -> None:
        document = {**json.loads(job.definition), **members}
        wanted = read(Job, document)
        changed = replace(job, state=wanted.state, definition=json.dumps(document))
        stack.store.jobs.update(tx.connection, stack.collection_id, changed)
        if wanted.state is JobState.ENABLED:
            stack.planner.define(tx, planned, wanted, resets=resets)
        else:
            stack.planner.stop(tx, planned, resets=resets)

    return of_job(name, define)
