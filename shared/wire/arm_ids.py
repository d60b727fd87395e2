"""The ids, types and names of ARM's resources (contract sections B.2, B.3 and B.5).

`container` is the id of a resource group. Names are as their creators wrote them, whatever case a request has.
"""

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta

from pydantic_core import from_json, to_json

NAMESPACE = "Microsoft.Scheduler"
COLLECTION_TYPE = f"{NAMESPACE}/jobCollections"
JOB_TYPE = f"{COLLECTION_TYPE}/jobs"
HISTORY_TYPE = f"{JOB_TYPE}/history"

YEAR_1 = datetime(1, 1, 1, tzinfo=UTC)
TICKS_PER_MICROSECOND = 10
MAX_TICKS = 3155378975999999999
"""The last instant of .NET's `DateTime`."""
MAX_SEQUENCE = 2**63 - 1
DELETION_JOB = re.compile(r"RESOURCEGROUPDELETIONJOB-([^-]+)-[^-]*")
ENCODED = re.compile(r":([0-9A-F]{2})")


def group_id(subscription: str, group: str) -> str:
    return f"/subscriptions/{subscription}/resourceGroups/{group}"


def collection_id(container: str, collection: str) -> str:
    return f"{container}/providers/{COLLECTION_TYPE}/{collection}"


def job_id(container: str, collection: str, job: str) -> str:
    return f"{collection_id(container, collection)}/jobs/{job}"


def history_key(started_at: datetime, sequence: int) -> str:
    """Return the key of a record; keys sort newest first, and of one instant the one recorded last."""
    ticks = (started_at - YEAR_1) // timedelta(microseconds=1) * TICKS_PER_MICROSECOND
    return f"{MAX_TICKS - ticks:020}:{MAX_SEQUENCE - sequence:020}"


def deletion_id(group: str, *, location: str) -> str:
    """Return the id of the result of a group's deletion, in the form that Azure Resource Manager gives it."""
    name = "".join(one if one.isalnum() else f":{ord(one):02X}" for one in group.upper())
    job = f"RESOURCEGROUPDELETIONJOB-{name}-{location.upper()}"
    content = to_json({"jobId": job, "jobLocation": location})
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def group_of_deletion(id: str) -> str | None:
    """Return the name, in upper case, of the group whose deletion has this id; None when it is no such id."""
    try:
        document = from_json(base64.urlsafe_b64decode(id + "=" * (-len(id) % 4)))
    except (ValueError, binascii.Error):
        return None
    job = document.get("jobId") if isinstance(document, dict) else None
    match = DELETION_JOB.fullmatch(job) if isinstance(job, str) else None
    return ENCODED.sub(lambda found: chr(int(found[1], 16)), match[1]) if match else None
