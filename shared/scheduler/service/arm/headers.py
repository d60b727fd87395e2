"""The headers of ARM's answers (contract section B.0): the gateway's own, and what Scheduler adds behind it.

Which there are follows from who answered, as recorded in all sessions: what the gateway refuses has
`x-ms-failure-cause` and counts for nothing; what it answers itself has one id, Scheduler's answers two.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from shared.scheduler.service.arm.api_versions import api_version
from shared.scheduler.service.arm.gateway_errors import FAILURE_CAUSE
from shared.scheduler.service.arm.rate_limits import Counter, RateLimits
from shared.scheduler.service.exchange import Answer, Request
from shared.wire.arm_catalogue import PREVIEW, is_of_scheduler

REGION = "WESTUS"
"""Of the gateway, which is nowhere here; the first one recorded."""
RETRY_AFTER = "15"
GATEWAY = {
    "cache-control": "no-cache",
    "pragma": "no-cache",
    "expires": "-1",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
}
SCHEDULER = {
    "server": "Microsoft-IIS/8.5",
    "x-aspnet-version": "4.0.30319",
    "x-powered-by": "ASP.NET",
}
TOKEN = re.compile(rb"[!-~]{1,128}")


class ArmHeaders:
    """Makes the headers of answers; counts what it tells the count of."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        """`new_id` returns 32 lower-case hexadecimal digits."""
        self._new_id = new_id
        self._limits = RateLimits()

    def of(
        self,
        answer: Answer,
        *,
        request_id: str,
        request: Request | None,
        given: Mapping[bytes, bytes],
        now: datetime,
    ) -> dict[str, str]:
        """Return all headers but those of the body and `Date`; there is no request when it was not admitted.

        `given` are the request's headers; of what the answer says itself nothing is replaced.
        """
        found = dict(GATEWAY)
        is_refused = request is None or FAILURE_CAUSE in answer.headers
        is_scheduler = request is not None and not is_refused and is_of_scheduler(request.endpoint)
        if is_refused:
            found[FAILURE_CAUSE] = "gateway"
        if is_scheduler:
            found.update(SCHEDULER)
        if request is not None and not is_refused:
            found.update(self._counts(request, now=now, is_scheduler=is_scheduler))
        if request is not None and answer.status == 202:
            found["location"] = operation_result(request, request_id)
            found["retry-after"] = RETRY_AFTER
        ours = dashed(request_id)
        routed = dashed(self._new_id()) if is_scheduler else ours
        found["x-ms-request-id"] = ours
        found["x-ms-correlation-request-id"] = echoed(given, b"x-ms-correlation-request-id", routed)
        found["x-ms-routing-request-id"] = f"{REGION}:{now:%Y%m%dT%H%M%SZ}:{routed}"
        if given.get(b"x-ms-return-client-request-id", b"").lower() == b"true":
            found["x-ms-client-request-id"] = echoed(given, b"x-ms-client-request-id", ours)
        return {**found, **answer.headers}

    def _counts(self, request: Request, *, now: datetime, is_scheduler: bool) -> dict[str, str]:
        counters = counters_of(request) if is_scheduler else (subscription_counter(request),)
        return {
            counter.header: str(self._limits.count(request.subscription, counter, now=now))
            for counter in counters
        }


def counters_of(request: Request) -> tuple[Counter, ...]:
    """Return what a request to Scheduler counts for; definitions have allowances of their own since 2016."""
    if request.endpoint.is_read:
        return Counter.BURST_READS, Counter.READS
    is_definition = request.endpoint.method in ("PUT", "PATCH")
    if not is_definition or api_version(request.query) == PREVIEW:
        return Counter.BURST_WRITES, Counter.WRITES
    is_job = "job" in request.params
    return Counter.BURST_WRITES, Counter.JOB_CHANGES if is_job else Counter.COLLECTION_CHANGES


def subscription_counter(request: Request) -> Counter:
    return Counter.READS if request.endpoint.is_read else Counter.WRITES


def operation_result(request: Request, id: str) -> str:
    """Return where the end of something that goes on is told."""
    host = request.headers.get(b"host", b"").decode("latin-1")
    subscription = request.params["subscription"]
    version = api_version(request.query) or ""
    path = f"/subscriptions/{subscription}/operationresults/{id}?api-version={version}"
    return f"https://{host}{path}"


def dashed(id: str) -> str:
    return str(UUID(id))


def echoed(given: Mapping[bytes, bytes], name: bytes, otherwise: str) -> str:
    """Return what the caller gave, unless it is more than an id could be."""
    value = given.get(name, b"")
    return value.decode("ascii") if TOKEN.fullmatch(value) else otherwise
