"""Jobs as resources of ARM: wrapped in `properties`, listed in `value` (contract sections B.3 to B.5)."""

from collections.abc import Iterable, Sequence

from pydantic_core import to_json

from shared.scheduler.execution_store import StoredRecord
from shared.scheduler.job_documents import answered, check_size
from shared.scheduler.service.exchange import Request
from shared.scheduler.service.names import NamedCollection
from shared.scheduler.service.paging import (
    MAX_ARM_HISTORY_TOP,
    HistoryPage,
    Page,
    read_history_page,
    read_page,
)
from shared.scheduler.store import StoredJob
from shared.wire.arm_ids import group_id
from shared.wire.arm_job import history_resource, job_resource, read_properties
from shared.wire.bodies import check_job_patch
from shared.wire.job import Job
from shared.wire.json_types import Json, JsonObject
from shared.wire.model import read


class ArmJobForm:
    """See `JobForm`."""

    def read_job(self, request: Request, *, id: str | None) -> Job:
        document = read_properties(request.body)
        check_size(document)
        return read(Job, document)

    def read_patch(self, request: Request, *, id: str) -> JsonObject:
        document = read_properties(request.body)
        check_size(document)
        return check_job_patch(document, id=id)

    def read_page(self, request: Request) -> Page:
        return read_page(request.query)

    def read_history_page(self, request: Request) -> HistoryPage:
        return read_history_page(request.query, most=MAX_ARM_HISTORY_TOP)

    def job(self, request: Request, site: NamedCollection, document: JsonObject) -> bytes:
        container = group_id(request.params["subscription"], site.cloud_service)
        return to_json(job_resource(container, site.name, document))

    def jobs(self, request: Request, site: NamedCollection, jobs: Sequence[StoredJob]) -> bytes:
        container = group_id(request.params["subscription"], site.cloud_service)
        return listed(job_resource(container, site.name, answered(job)) for job in jobs)

    def history(
        self, request: Request, site: NamedCollection, records: Sequence[StoredRecord]
    ) -> bytes:
        container = group_id(request.params["subscription"], site.cloud_service)
        return listed(
            history_resource(
                container,
                site.name,
                record.history,
                sequence=record.id,
                expected_at=record.occurrence,
            )
            for record in records
        )


def listed(resources: Iterable[Json]) -> bytes:
    """Return the body of a list; it is never cut, so there is no next page to link to."""
    return to_json({"value": list(resources), "nextLink": None})
