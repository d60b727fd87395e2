"""The form that a surface gives to jobs: how requests about them are read and what is answered."""

from collections.abc import Sequence
from typing import Protocol

from shared.scheduler.execution_store import StoredRecord
from shared.scheduler.service.exchange import Request
from shared.scheduler.service.names import NamedCollection
from shared.scheduler.service.paging import HistoryPage, Page
from shared.scheduler.store import StoredJob
from shared.wire.job import Job
from shared.wire.json_types import JsonObject


class JobForm(Protocol):
    """Bodies in, bodies out; what it reads raises InvalidRequestError with every fault."""

    def read_job(self, request: Request, *, id: str | None) -> Job:
        """Return the job in the body of a definition; `id` is the URI's, None where the service chooses it."""

    def read_patch(self, request: Request, *, id: str) -> JsonObject:
        """Return the members of a job that the body changes, for `job_patch.merge_job`."""

    def read_page(self, request: Request) -> Page:
        """Return which jobs a list asks for."""

    def read_history_page(self, request: Request) -> HistoryPage:
        """Return which records a history asks for."""

    def job(self, request: Request, site: NamedCollection, document: JsonObject) -> bytes:
        """Return the body that shows a job; `document` is it as `answered`."""

    def jobs(self, request: Request, site: NamedCollection, jobs: Sequence[StoredJob]) -> bytes:
        """Return the body of a list."""

    def history(
        self, request: Request, site: NamedCollection, records: Sequence[StoredRecord]
    ) -> bytes:
        """Return the body of a history."""
