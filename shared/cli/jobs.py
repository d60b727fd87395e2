"""`tocsin jobs`: jobs of a running stack, over the connector, as any caller reaches them."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shared.cli.job_path import CollectionPath
from shared.cli.job_tables import history_table, job_facts, jobs_table
from shared.cli.operation_wait import SUCCEEDED, Operation, end_text, wait_for
from shared.cli.stack_client import StackClient
from shared.cli.terminal import print_json, show
from shared.clock import Clock
from shared.errors import ConfigurationError, InvalidRequestError, NotFoundError, PermanentError
from shared.wire.json_types import Json, JsonObject, parse_json

PAGE = 1000
STDIN = "-"
HISTORY_PAGE = 100
REGION = "West Europe"
"""Of a cloud service that `--create` makes; here it means nothing."""


class Jobs:
    """The commands; `as_json` prints what a machine reads, `waits` whether a change is waited for."""

    def __init__(
        self, client: StackClient, *, clock: Clock, as_json: bool, waits: bool = True
    ) -> None:
        self._client = client
        self._clock = clock
        self._as_json = as_json
        self._waits = waits

    async def put(
        self, where: CollectionPath, job: str, document: JsonObject, *, creates: bool
    ) -> None:
        """Put a job, after its cloud service and collection where they are missing, and show it."""
        before = await self._create_missing(where) if creates else []
        change = await self._change("PUT", where.job_path(job), document)
        if await self._has_succeeded([*before, change]):
            await self.get(where, job)

    async def get(self, where: CollectionPath, job: str) -> None:
        """Print a job."""
        document = await self._client.get(where.job_path(job))
        if self._as_json:
            print_json(document)
        else:
            show(job_facts(document, self._clock.now()))

    async def list(self, where: CollectionPath, *, state: str | None) -> None:
        """Print the jobs of a collection."""
        jobs: list[Any] = []
        while len(jobs) % PAGE == 0:
            query = {
                "$top": PAGE,
                "$skip": len(jobs) or None,
                "$filter": None if state is None else f"state eq {state}",
            }
            page = await self._client.get(where.jobs_path, query)
            if not page:
                break
            jobs += page
        if self._as_json:
            print_json(jobs)
        else:
            show(jobs_table(jobs, self._clock.now()))

    async def delete(self, where: CollectionPath, job: str) -> None:
        """Delete a job."""
        operation = await self._change("DELETE", where.job_path(job))
        await self._tell_end(operation, f"deleted {where}/{job}")

    async def run(self, where: CollectionPath, job: str) -> None:
        """Run a job once more; ends when the Scheduler has taken the order."""
        operation = await self._change("POST", f"{where.job_path(job)}/run")
        await self._tell_end(
            operation, f"{where}/{job} runs; `tocsin jobs history` tells how it ends"
        )

    async def history(
        self, where: CollectionPath, job: str, *, status: str | None, limit: int
    ) -> None:
        """Print the newest attempts of a job."""
        records: list[Any] = []
        while len(records) < limit:
            most = min(limit - len(records), HISTORY_PAGE)
            query = {
                "$top": most,
                "$skip": len(records) or None,
                "$filter": None if status is None else f"status eq {status}",
            }
            page = await self._client.get(f"{where.job_path(job)}/history", query)
            records += page
            if len(page) < most:
                break
        if self._as_json:
            print_json(records)
        else:
            show(history_table(records, self._clock.now()))

    async def _create_missing(self, where: CollectionPath) -> Sequence[Operation]:
        operations: list[Operation] = []
        cloud_service = {"label": where.cloud_service, "geoRegion": REGION}
        for path, body in (
            (where.cloud_service_path, cloud_service),
            (where.collection_path, {}),
        ):
            # What is asked for after something that is being made waits for it (DESIGN P3).
            if operations or not await self._is_there(path):
                operations.append(await self._change("PUT", path, body))
        return operations

    async def _is_there(self, path: str) -> bool:
        try:
            await self._client.get(path)
        except NotFoundError:
            return False
        return True

    async def _change(self, method: str, path: str, body: object = None) -> Operation:
        operation: Operation = (await self._client.send(method, path, body)).body
        return operation

    async def _tell_end(self, operation: Operation, done: str) -> None:
        if not await self._has_succeeded([operation]):
            return
        if self._as_json:
            print_json(await self._client.get(f"/api/operations/{operation['id']}"))
        else:
            print(done)

    async def _has_succeeded(self, operations: Sequence[Operation]) -> bool:
        """Wait until all have succeeded; where nothing is waited for, say what was accepted.

        Raises:
            PermanentError: one has not.
        """
        if not self._waits:
            if self._as_json:
                print_json(operations[-1])
            else:
                print(f"accepted as operation {operations[-1]['id']}")
            return False
        ended = await wait_for(self._client, [each["id"] for each in operations], clock=self._clock)
        failed = [end_text(each) for each in ended if each["status"] != SUCCEEDED]
        if failed:
            raise PermanentError("\n".join(failed))
        return True


def read_job_document(name: str) -> JsonObject:
    """Return the definition in a file, in the classic form; `-` is stdin.

    Raises:
        ConfigurationError: it cannot be read, or is no JSON object.
    """
    try:
        content = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
        document: Json = parse_json(content)
    except OSError as error:
        raise ConfigurationError(f"cannot read {name}: {error.strerror}") from error
    except InvalidRequestError as error:
        raise ConfigurationError(f"{name}: {error.message}") from None
    if not isinstance(document, dict):
        raise ConfigurationError(f"{name} holds no JSON object")
    return document


def job_name(given: str | None, name: str, document: JsonObject) -> str | None:
    """Return what a job is called: as the command line says, as the definition does, or as its file."""
    own = document.get("id")
    if given:
        return given
    if isinstance(own, str) and own:
        return own.rsplit("/", 1)[-1]
    return None if name == STDIN else Path(name).stem
