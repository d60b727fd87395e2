"""Jobs as documents: what is answered and told of them, and what only the whole of one can be wrong about."""

from datetime import datetime

from pydantic_core import from_json, to_json

from shared.errors import Fault, InvalidRequestError
from shared.scheduler.store import StoredJob
from shared.sealing import plain_length
from shared.wire.job import MAX_JOB_BYTES, Job, job_answer, time_faults
from shared.wire.json_types import JsonObject
from shared.wire.secret_members import map_secret_members


def answered(job: StoredJob) -> JsonObject:
    """Return the job as answers and events show it, without secrets."""
    return shown(job, from_json(job.definition))


def shown(job: StoredJob, definition: JsonObject) -> JsonObject:
    """Return what `answered` does of a job whose definition is at hand as a document."""
    return job_answer({**definition, "state": job.state.value}, id=job.name, status=job.status)


def check_size(document: JsonObject) -> None:
    """Raises InvalidRequestError; secrets count as what they are, not as what they are sealed into."""
    size = len(to_json(map_secret_members(document, lambda sealed: "x" * plain_length(sealed))))
    if size > MAX_JOB_BYTES:
        found = f"would have {size} bytes, a job may have {MAX_JOB_BYTES}"
        raise InvalidRequestError([Fault("$", found)])


def check_times(job: Job, now: datetime) -> None:
    """Raises InvalidRequestError."""
    if faults := time_faults(job, now=now):
        raise InvalidRequestError(faults)
