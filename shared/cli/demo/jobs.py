"""The jobs that the demo puts."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from shared.wire.times import format_instant

EXAMPLE = Path(__file__).parents[3] / "examples" / "nightly-report.json"
RETRY_INTERVAL = timedelta(seconds=15)
"""The shortest that the API allows."""


def nightly_report(now: datetime) -> dict[str, Any]:
    """Return the example's job, starting at the next 02:30 UTC."""
    start = now.astimezone(UTC).replace(hour=2, minute=30, second=0, microsecond=0)
    if start <= now:
        start += timedelta(days=1)
    job: dict[str, Any] = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    return {**job, "startTime": format_instant(start)}


def report_to(start: datetime, *, url: str, error_url: str) -> dict[str, Any]:
    """Return the example's job with another start and other targets, and nothing else changed."""
    job = nightly_report(start)
    action = aimed(job["action"], url)
    action["errorAction"] = aimed(action["errorAction"], error_url)
    return {**job, "startTime": format_instant(start), "action": action}


def aimed(action: dict[str, Any], url: str) -> dict[str, Any]:
    return {**action, "type": "http", "request": {**action["request"], "uri": url}}


def broken_import(start: datetime, *, url: str, error_url: str) -> dict[str, Any]:
    """Return a job that runs once, is tried again once, and then has somebody told."""
    action = {
        **post(url, "orders.csv"),
        "retryPolicy": {"retryType": "fixed", "retryInterval": "00:00:15", "retryCount": 1},
        "errorAction": post(error_url, "The import failed."),
    }
    return {"startTime": format_instant(start), "action": action}


def slow_export(start: datetime, *, url: str) -> dict[str, Any]:
    """Return a job that runs once and is not tried again after a failure."""
    action = {**post(url, "invoices.csv"), "retryPolicy": {"retryType": "none"}}
    return {"startTime": format_instant(start), "action": action}


def post(url: str, body: str) -> dict[str, Any]:
    return {"type": "http", "request": {"uri": url, "method": "POST", "body": body}}


def soon(now: datetime, *, ahead: timedelta) -> datetime:
    """Return the instant `ahead` of now, to the millisecond."""
    start = now + ahead
    return start.replace(microsecond=start.microsecond // 1000 * 1000)
