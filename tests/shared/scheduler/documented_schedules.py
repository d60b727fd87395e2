"""The examples of schedules in Microsoft's documentation (contract/MODEL.md §5.3), and when they fire after START."""

from datetime import UTC, datetime, timedelta

from shared.wire.json_types import Json, JsonObject
from shared.wire.times import parse_instant

START = datetime(2026, 1, 7, 3, 20, 40, 5, tzinfo=UTC)  # a Wednesday
ALL_HOURS: list[Json] = list(range(24))
QUARTERS: list[Json] = [0, 15, 30, 45]
WORKDAYS: list[Json] = ["monday", "tuesday", "wednesday", "thursday", "friday"]


def friday(*places: int) -> JsonObject:
    return {"monthlyOccurrences": [{"day": "friday", "occurrence": place} for place in places]}


def every(minutes: int, begin: str, *, until: str) -> list[str]:
    at = parse_instant(f"2026-{begin}:40.000005Z")
    found = []
    while at <= parse_instant(f"2026-{until}:40.000005Z"):
        found.append(f"{at:%m-%dT%H:%M}")
        at += timedelta(minutes=minutes)
    return found


DOCUMENTED: list[tuple[str, JsonObject, list[str]]] = [
    ("day", {"hours": [5]}, ["01-07T05:20", "01-08T05:20", "01-09T05:20"]),
    ("day", {"minutes": [15], "hours": [5]}, ["01-07T05:15", "01-08T05:15"]),
    (
        "day",
        {"minutes": [15], "hours": [5, 17]},
        ["01-07T05:15", "01-07T17:15", "01-08T05:15", "01-08T17:15"],
    ),
    (
        "day",
        {"minutes": [15, 45], "hours": [5, 17]},
        ["01-07T05:15", "01-07T05:45", "01-07T17:15", "01-07T17:45", "01-08T05:15"],
    ),
    ("day", {"minutes": QUARTERS}, every(15, "01-07T03:30", until="01-09T03:15")),
    (
        "day",
        {"minutes": QUARTERS, "hours": ALL_HOURS},
        every(15, "01-07T03:30", until="01-09T03:15"),
    ),
    ("day", {"hours": ALL_HOURS}, every(60, "01-07T03:20", until="01-09T03:20")),
    ("day", {"minutes": [0], "hours": ALL_HOURS}, every(60, "01-07T04:00", until="01-09T03:00")),
    ("day", {"minutes": [15], "hours": ALL_HOURS}, every(60, "01-07T04:15", until="01-09T03:15")),
    ("day", {"minutes": [15]}, every(60, "01-07T04:15", until="01-09T03:15")),
    (
        "week",
        {"minutes": [0], "hours": [17], "weekDays": ["saturday"]},
        ["01-10T17:00", "01-17T17:00", "01-24T17:00"],
    ),
    (
        "week",
        {"minutes": [15, 45], "hours": [5, 17], "weekDays": ["monday", "wednesday", "friday"]},
        [
            *("01-07T05:15", "01-07T05:45", "01-07T17:15", "01-07T17:45"),
            *("01-09T05:15", "01-09T05:45", "01-09T17:15", "01-09T17:45"),
            *("01-12T05:15", "01-12T05:45", "01-12T17:15", "01-12T17:45", "01-14T05:15"),
        ],
    ),
    (
        "week",
        {"minutes": QUARTERS, "hours": list(range(9, 17)), "weekDays": WORKDAYS},
        [
            *every(15, "01-07T09:00", until="01-07T16:45"),
            *every(15, "01-08T09:00", until="01-08T16:45"),
            *every(15, "01-09T09:00", until="01-09T16:45"),
            *every(15, "01-12T09:00", until="01-12T16:45"),
        ],
    ),
    (
        "week",
        {"minutes": QUARTERS, "weekDays": WORKDAYS},
        [
            *every(15, "01-07T03:30", until="01-09T23:45"),
            *every(15, "01-12T00:00", until="01-16T23:45"),
        ],
    ),
    ("week", {"weekDays": ["sunday"]}, ["01-11T03:20", "01-18T03:20"]),
    ("month", {"hours": [6], "minutes": [0], "monthDays": [28]}, ["01-28T06:00", "02-28T06:00"]),
    (
        "month",
        {"hours": [6], "minutes": [0], "monthDays": [-1]},
        ["01-31T06:00", "02-28T06:00", "03-31T06:00", "04-30T06:00"],
    ),
    (
        "month",
        {"monthDays": [1, -1]},
        ["01-31T03:20", "02-01T03:20", "02-28T03:20", "03-01T03:20"],
    ),
    ("month", {"monthDays": [1, 14]}, ["01-14T03:20", "02-01T03:20", "02-14T03:20"]),
    ("month", {"monthDays": [2]}, ["02-02T03:20", "03-02T03:20"]),
    (
        "month",
        {"hours": [5], "minutes": [0], **friday(1)},
        ["02-06T05:00", "03-06T05:00", "04-03T05:00", "05-01T05:00"],
    ),
    ("month", friday(1), ["02-06T03:20", "03-06T03:20", "04-03T03:20"]),
    ("month", friday(-3), ["01-16T03:20", "02-13T03:20", "03-13T03:20", "04-10T03:20"]),
    (
        "month",
        {"minutes": [15], "hours": [5], **friday(1, -1)},
        ["01-30T05:15", "02-06T05:15", "02-27T05:15", "03-06T05:15"],
    ),
    ("month", friday(5), ["01-30T03:20", "05-29T03:20", "07-31T03:20", "10-30T03:20"]),
    (
        "month",
        {"minutes": QUARTERS, **friday(-1)},
        [
            *every(15, "01-30T00:00", until="01-30T23:45"),
            *every(15, "02-27T00:00", until="02-27T23:45"),
        ],
    ),
    (
        "month",
        {
            "minutes": [15, 45],
            "hours": [5, 17],
            "monthlyOccurrences": [{"day": "wednesday", "occurrence": 3}],
        },
        ["01-21T05:15", "01-21T05:45", "01-21T17:15", "01-21T17:45", "02-18T05:15"],
    ),
    (
        "month",
        {"monthDays": [31]},
        ["01-31T03:20", "03-31T03:20", "05-31T03:20", "07-31T03:20", "08-31T03:20"],
    ),
]
