"""Attempts of HTTP actions, and the action with nothing behind it but loopback."""

from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path

from shared.clock import Clock, SystemClock
from shared.outbound.guard import AddressGuard
from shared.scheduler.action import Attempt, sealing_context
from shared.scheduler.actions.access_tokens import AccessTokens
from shared.scheduler.actions.client_contexts import ClientContexts
from shared.scheduler.actions.credentials import Credentials
from shared.scheduler.actions.http_request import TIME_LIMIT, HttpRequestAction
from shared.sealing import Sealer
from shared.tls import client_context
from shared.wire.json_types import Json, JsonObject

LOOPBACK = AddressGuard([IPv4Network("127.0.0.0/8")])
SEALER = Sealer({"k1": bytes(32)}, current="k1")
NAMES = {"subscription": "Sub-1", "cloud_service": "cs1", "job_collection": "jc1", "job": "Nightly"}


def http_action(
    guard: AddressGuard = LOOPBACK,
    *,
    authority: str = "http://127.0.0.1:1",
    trusted: Path | None = None,
    clock: Clock | None = None,
    time_limit: timedelta = TIME_LIMIT,
) -> HttpRequestAction:
    """Return an action that gets tokens from `authority`, and trusts `trusted` where it shows a certificate."""
    clock = clock or SystemClock()
    credentials = Credentials(
        sealer=SEALER,
        tokens=AccessTokens(authority, clock),
        contexts=ClientContexts(partial(client_context, authority=trusted)),
    )
    return HttpRequestAction(guard, credentials=credentials, clock=clock, time_limit=time_limit)


def attempt(uri: str, **members: Json) -> Attempt:
    request: JsonObject = {"uri": uri, "method": "POST"}
    return Attempt(
        **NAMES,
        execution_id="e1b0c442",
        number=3,
        region="North Central US",
        expected_time=datetime(2026, 1, 2, 3, 4, 5, 600_000, UTC),
        action={"type": "http", "request": request | members},
    )


def sealed(secret: str, **names: str) -> str:
    """Return a secret as it is stored with the job of `attempt`, or with another one."""
    return SEALER.seal(secret, context=sealing_context(**NAMES | names))
