"""How the timeline and its tables name things, in as few words as do."""

import re
from datetime import datetime, timedelta
from typing import Any

from shared.cli.demo.action_log import ActionRequest, Departure
from shared.cli.demo.inbox import Arrival

SHORT_PATH_PARTS = 4
ENUMERATION = re.compile(r"(\w+, )((?:\w+, ){3,}\w+)")


def name_of(operation_id: str) -> str:
    """Return how the timeline calls an operation: its first digits are enough to tell a dozen apart."""
    return f"operation {operation_id[:8]}"


def end_of(path: str) -> str:
    """Return a long path by its last kind and name."""
    parts = path.split("/")
    return path if len(parts) <= SHORT_PATH_PARTS else f"…/{'/'.join(parts[-2:])}"


def last_name(path: str) -> str:
    return path.rpartition("/")[2]


def describe(arrival: Arrival) -> str:
    about = name_of(arrival.operation_id) if arrival.operation_id else last_name(arrival.subject)
    parts = (arrival.type, about, "verified", f"{milliseconds(arrival.lateness)} late")
    return ", ".join(filter(None, parts))


def describe_action(seen: ActionRequest | Departure) -> str:
    if isinstance(seen, Departure):
        return f"the caller of /actions/{seen.request.name} is gone and got no answer"
    delay = f" due in {seen.delay.total_seconds():g} s" if seen.delay else ""
    late = f", {milliseconds(seen.lateness)} late" if seen.attempt == 1 else ""
    return (
        f"{seen.method} /actions/{seen.name} → {seen.status}{delay}, attempt {seen.attempt}{late}"
    )


def instant_of(seen: ActionRequest | Departure) -> datetime:
    return seen.left_at if isinstance(seen, Departure) else seen.arrived_at


def recurrence(job: dict[str, Any]) -> str:
    rule = job["recurrence"]
    return f"every {rule.get('interval', 1)} {rule['frequency']} from {job['startTime']}"


def shortened(text: str) -> str:
    """Return the text with the first word of each long enumeration in it, and how many there are."""
    return ENUMERATION.sub(lambda found: f"{found[1]}… ({found[0].count(',') + 1})", text)


def milliseconds(duration: timedelta) -> str:
    return f"{duration.total_seconds() * 1000:.1f} ms"
