"""host.json, as far as this host follows it.

`functionTimeout` is not followed: the Functions host kills the worker process, which here is the host itself.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from shared.errors import ConfigurationError

OVERRIDE = "AzureFunctionsJobHost__"
TIME_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})")
MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """How functions are reached and how many run at once; the defaults are those of Azure."""

    route_prefix: str = "api"
    max_concurrent_calls: int = 16
    max_concurrent_sessions: int = 8
    session_idle_timeout: timedelta = timedelta(minutes=1)
    max_message_batch_size: int = 1000
    max_auto_lock_renewal: timedelta = timedelta(minutes=5)
    max_body_bytes: int = 100 * MEGABYTE
    threads: int = 1000


def read_host_settings(path: Path, *, environment: Mapping[str, str]) -> HostSettings:
    """Read host.json with its overrides (`AzureFunctionsJobHost__extensions__http__routePrefix`) and app settings.

    Raises:
        ConfigurationError: names every value that is malformed.
    """
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path.name} cannot be read: {error}") from error
    given = {key.casefold(): value for key, value in flatten(document)} | {
        name.removeprefix(OVERRIDE).replace("__", ".").casefold(): value
        for name, value in environment.items()
        if name.startswith(OVERRIDE)
    }
    for setting in ("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", "PYTHON_THREADPOOL_THREAD_COUNT"):
        if setting in environment:
            given[setting.casefold()] = environment[setting]
    readers = {
        "route_prefix": ("extensions.http.routePrefix", read_prefix),
        "max_concurrent_calls": ("extensions.serviceBus.maxConcurrentCalls", read_count),
        "max_concurrent_sessions": ("extensions.serviceBus.maxConcurrentSessions", read_count),
        "session_idle_timeout": ("extensions.serviceBus.sessionIdleTimeout", read_time_span),
        "max_message_batch_size": ("extensions.serviceBus.maxMessageBatchSize", read_count),
        "max_auto_lock_renewal": (
            "extensions.serviceBus.maxAutoLockRenewalDuration",
            read_time_span,
        ),
        "max_body_bytes": ("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", read_count),
        "threads": ("PYTHON_THREADPOOL_THREAD_COUNT", read_count),
    }
    values: dict[str, Any] = {}
    faults = []
    for name, (key, read) in readers.items():
        if key.casefold() in given:
            try:
                values[name] = read(given[key.casefold()])
            except ValueError as error:
                faults.append(f"{key}: {error}")
    if faults:
        raise ConfigurationError(f"{path.name}: {'; '.join(faults)}")
    return HostSettings(**values)


def flatten(value: Any, prefix: str = "") -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        return [(prefix, value)]
    below = f"{prefix}." if prefix else ""
    return [leaf for key, each in value.items() for leaf in flatten(each, f"{below}{key}")]


def read_prefix(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value.strip("/")


def read_count(value: object) -> int:
    if isinstance(value, bool) or not re.fullmatch(r"[1-9]\d{0,9}", str(value)):
        raise ValueError(f"{value!r} is no positive integer")
    return int(str(value))


def read_time_span(value: object) -> timedelta:
    match = TIME_SPAN.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is no duration like 00:05:00")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
