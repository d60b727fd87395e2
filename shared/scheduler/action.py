"""What a job does when it fires: one attempt in, its outcome out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

from shared.wire.json_types import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of an execution; `action` is the stored JSON of the job's action or error action, its secrets sealed.

    `execution_id` is the same at every try of the execution. `number` counts the tries that are recorded, from 1 and
    this one included, so one that was lost with its process is made again under the same number. One that the target
    has accepted goes on at `poll_uri`: there the target is asked how far it is, instead of doing it anew.
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
    poll_uri: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """Where to ask a target how far it is with what it has accepted, and how long from now."""

    uri: str = field(repr=False)
    after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an attempt; `message` is what its record says, bounded and free of what we sent in secret.

    `reason` is what a log may say of it: one of few words of ours or a status, and nothing that the target wrote. With
    a `poll` it is not over yet, and no success; who cannot go on with it takes it for a failure.
    """

    is_success: bool
    message: str = field(repr=False)
    reason: str | None = None
    poll: Poll | None = None


class Action(Protocol):
    """Carries out attempts, any number at once."""

    async def execute(self, attempt: Attempt) -> Outcome:
        """Do what `attempt.action` says, within the time limit of actions, and tell what became of it.

        Whatever the target does, or fails to do, is an outcome. What raises is a fault of ours, such as a secret that
        the key ring cannot open.
        """

    async def close(self) -> None:
        """Let go of every connection; the next attempt opens new ones."""


def host_of(action: JsonObject) -> str:
    """Return the host that a stored action leads to, in lower case: what limits count by."""
    [payload] = HOSTS.keys() & action.keys()
    found = action[payload]
    assert isinstance(found, dict), "the action was checked before it was stored"
    return HOSTS[payload](found).lower()


def target_host(uri: str) -> str:
    """Return the host that `uri` leads to, in lower case: what records name."""
    return urlsplit(uri).hostname or ""


HOSTS: Mapping[str, Callable[[JsonObject], str]] = {
    "request": lambda request: target_host(str(request["uri"])),
    "queueMessage": lambda message: f"{message['storageAccount']}.queue.core.windows.net",
    "serviceBusQueueMessage": lambda message: f"{message['namespace']}.servicebus.windows.net",
    "serviceBusTopicMessage": lambda message: f"{message['namespace']}.servicebus.windows.net",
}


def sealing_context_of(attempt: Attempt) -> str:
    """Return the context under which the secrets in the action of `attempt` are sealed."""
    return sealing_context(
        subscription=attempt.subscription,
        cloud_service=attempt.cloud_service,
        job_collection=attempt.job_collection,
        job=attempt.job,
    )


def sealing_context(*, subscription: str, cloud_service: str, job_collection: str, job: str) -> str:
    """Return the context under which the secrets of a job are sealed: those of one job open for no other."""
    return "/".join((subscription, cloud_service, job_collection, job)).lower()
