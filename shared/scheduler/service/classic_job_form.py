"""Jobs as the classic surface reads and shows them: a bare object, a bare array (contract section A.5)."""

from collections.abc import Sequence

from shared.scheduler.execution_store import StoredRecord
from shared.scheduler.job_documents import answered
from shared.scheduler.service.exchange import Request
from shared.scheduler.service.names import NamedCollection
from shared.scheduler.service.paging import HistoryPage, Page, read_history_page, read_page
from shared.scheduler.store import StoredJob
from shared.wire.bodies import read_job, read_job_patch
from shared.wire.job import Job
from shared.wire.json_codec import encode_json
from shared.wire.json_types import JsonObject


class ClassicJobForm:
    """See `JobForm`."""

    def read_job(self, request: Request, *, id: str | None) -> Job:
        return read_job(request.body, id=id)

    def read_patch(self, request: Request, *, id: str) -> JsonObject:
        return read_job_patch(request.body, id=id)

    def read_page(self, request: Request) -> Page:
        return read_page(request.query)

    def read_history_page(self, request: Request) -> HistoryPage:
        return read_history_page(request.query)

    def job(self, request: Request, site: NamedCollection, document: JsonObject) -> bytes:
        return encode_json(document)

    def jobs(self, request: Request, site: NamedCollection, jobs: Sequence[StoredJob]) -> bytes:
        return encode_json([answered(job) for job in jobs])

    def history(
        self, request: Request, site: NamedCollection, records: Sequence[StoredRecord]
    ) -> bytes:
        return encode_json([one.history.document() for one in records])
