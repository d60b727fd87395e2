"""What a job does when it fires: one attempt in, its outcome out."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

from shared.wire.json_types import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of an execution; `action` is the stored JSON of the job's action or error action, its secrets sealed.

    `execution_id` is the same at every try of the execution. `number` counts the tries that are recorded, from 1 and
    this one included, so one that was lost with its process is made again under the same number.
    """

    execution_id: str
    number: int
    subscription: str
    cloud_service: str
    job_collection: str
    job: str
    region: str
    expected_time: datetime
    action: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an attempt; `message` is what its record says, bounded and free of what we sent in secret."""

    is_success: bool
    message: str = field(repr=False)


class Action(Protocol):
    """Carries out attempts, any number at once."""

    async def execute(self, attempt: Attempt) -> Outcome:
        """Do what `attempt.action` says, within the time limit of actions, and tell what became of it.

        Whatever the target does, or fails to do, is an outcome. What raises is a fault of ours, such as a secret that
        the key ring cannot open.
        """

    async def close(self) -> None:
        """Let go of every connection; the next attempt opens new ones."""


def target_host(uri: str) -> str:
    """Return the host that `uri` leads to, in lower case: what limits count by and records name."""
    return urlsplit(uri).hostname or ""


def sealing_context(*, subscription: str, cloud_service: str, job_collection: str, job: str) -> str:
    """Return the context under which the secrets of a job are sealed: those of one job open for no other."""
    return "/".join((subscription, cloud_service, job_collection, job)).lower()
