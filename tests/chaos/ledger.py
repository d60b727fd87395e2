"""What is left when everything has ended, and what must be true of it whatever happened on the way."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection

from shared.clock import to_microseconds
from shared.events.cloudevent import CloudEvent
from shared.scheduler.announcements import BY_SCHEDULE
from tests.chaos.process import Reached
from tests.clocks import START
from tests.event_conformance import check_event

FINAL = ("completed", "faulted")
ENDS = {"succeeded": "tocsin.execution.succeeded", "failed": "tocsin.execution.failed"}


@dataclass(frozen=True, slots=True)
class Ledger:
    """The rows of the engine, every event that was handed over, and what the target saw."""

    executions: Sequence[dict[str, Any]]
    history: Sequence[dict[str, Any]]
    jobs: Sequence[dict[str, Any]]
    skipped: Sequence[dict[str, Any]]
    told: Sequence[CloudEvent]
    calls: Sequence[Reached]
    strikes: int
    accepts: bool
    has_zombies: bool

    @property
    def reached(self) -> Sequence[Reached]:
        """The attempts that the target saw, without polls."""
        return [one for one in self.calls if one.attempt.poll_uri is None]

    def events(self, kind: str) -> dict[str, CloudEvent]:
        """Return the events of a kind by their ids."""
        return {event.id: event for event in self.told if event.type.startswith(f"tocsin.{kind}.")}


def read_rows(connection: Connection, query: str) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in connection.exec_driver_sql(query)]


def check(ledger: Ledger) -> None:
    """Assert every invariant."""
    check_events_repeat_themselves(ledger)
    check_executions_ended_once(ledger)
    check_target(ledger)
    check_polls(ledger)
    check_overlap(ledger)
    check_records(ledger)
    check_skips(ledger)
    for job in ledger.jobs:
        check_job(ledger, job)


def check_events_repeat_themselves(ledger: Ledger) -> None:
    """One id is one event, and its data is what its schema says."""
    contents = defaultdict(set)
    for event in ledger.told:
        contents[event.id].add(event.encode())
    assert all(len(different) == 1 for different in contents.values())
    for (content,) in contents.values():
        check_event(json.loads(content))


def check_executions_ended_once(ledger: Ledger) -> None:
    assert all(row["ended_at"] is not None for row in ledger.executions)
    assert all(row["due_at"] is row["lease_until"] is None for row in ledger.executions)
    ended = {f"{row['id']}/end": row["state"] for row in ledger.executions if row["state"] in ENDS}
    told = ledger.events("execution")
    assert {id for id in told if id.endswith("/end")} == ended.keys()
    assert all(told[id].type == ENDS[state] for id, state in ended.items())
    occurrences = Counter(
        (row["job_id"], row["generation"], row["origin"], row["occurrence"])
        for row in ledger.executions
    )
    assert set(occurrences.values()) <= {1}


def check_target(ledger: Ledger) -> None:
    """Once or more often under one key, and never early."""
    seen = defaultdict(list)
    for one in ledger.reached:
        seen[one.attempt.execution_id].append(one.attempt.number)
        assert one.at >= one.attempt.expected_time
    executions = {row["id"]: row for row in ledger.executions}
    assert seen.keys() <= executions.keys()
    for id, row in executions.items():
        assert row["state"] in ENDS or not seen[id]
        # Each try is seen once, and once more for each process that was struck before it was recorded. What the target
        # has accepted may be withdrawn.
        assert set(seen[id]) >= set(range(1, row["recorded"] + 1))
        assert len(seen[id]) - row["recorded"] <= ledger.strikes + ledger.accepts
        assert ledger.has_zombies or seen[id] == sorted(seen[id])


def check_polls(ledger: Ledger) -> None:
    """What the target has accepted and is polled for is not asked for anew, but by who was away."""
    polled = set()
    for one in ledger.calls:
        key = (one.attempt.execution_id, one.attempt.number)
        if one.attempt.poll_uri is not None:
            polled.add(key)
        else:
            assert ledger.has_zombies or key not in polled


def check_overlap(ledger: Ledger) -> None:
    """What a job's schedule led to ran one after the other."""
    first_seen: dict[str, int] = {}
    for one in ledger.reached:
        first_seen.setdefault(one.attempt.execution_id, to_microseconds(one.at))
    ran = defaultdict(list)
    for row in ledger.executions:
        if row["origin"] == BY_SCHEDULE and row["id"] in first_seen:
            began_at = first_seen[row["id"]]
            ran[row["job_id"], row["generation"]].append((began_at, row["ended_at"]))
    for spans in ran.values():
        spans.sort()
        assert all(one[1] <= following[0] for one, following in pairwise(spans))


def check_records(ledger: Ledger) -> None:
    """Each record is told of once, and each recorded try has its record while there is a job to have it."""
    records = [
        f"{row['execution_id']}/{row['action_name']}/{row['retry_count']}" for row in ledger.history
    ]
    told = ledger.events("attempt").keys()
    assert len(set(records)) == len(records)
    assert set(records) <= told
    jobs = {row["id"] for row in ledger.jobs}
    expected = {row["id"]: row["recorded"] for row in ledger.executions}
    assert Counter(id.split("/")[0] for id in told) == Counter(expected)
    for row in ledger.executions:
        if row["job_id"] in jobs:
            found = sum(one["execution_id"] == row["id"] for one in ledger.history)
            assert found == row["recorded"]


def check_skips(ledger: Ledger) -> None:
    """A skipped execution is inside of a range of its job, and every range is closed and told."""
    for row in ledger.executions:
        if row["state"] == "skipped":
            ranges = [one for one in ledger.skipped if one["job_id"] == row["job_id"]]
            is_gone = row["job_id"] not in {job["id"] for job in ledger.jobs}
            assert is_gone or any(
                one["first"] <= row["occurrence"] <= one["last"] for one in ranges
            )
    assert not [one for one in ledger.skipped if one["is_open"]]
    told = ledger.events("execution")
    closed = {id for id in told if id.endswith("/closed")}
    assert {f"{one['subject']}/skipped/{one['id']}/closed" for one in ledger.skipped} <= closed


def check_job(ledger: Ledger, job: dict[str, Any]) -> None:
    assert job["state"] in FINAL
    assert (job["next_occurrence"], job["outstanding"], job["active"]) == (None, 0, None)
    assert job["open_skip"] is None
    mine = [row for row in ledger.executions if row["job_id"] == job["id"]]
    records = [row for row in ledger.history if row["job_id"] == job["id"]]
    counted = {row["id"] for row in mine if row["generation"] >= job["counted_from"]}
    records = [row for row in records if row["execution_id"] in counted]
    main = [row for row in records if row["action_name"] == "MainAction"]
    assert job["executions"] == len(main)
    assert job["failures"] == sum(row["status"] == "failed" for row in main)
    failed = sum(row["state"] == "failed" for row in mine if row["id"] in counted)
    # What a change of the job cut short has not used up its retries.
    assert job["faults"] == failed or (job["generation"] > 1 and job["faults"] < failed)
    assert job["last_execution"] == max((row["started_at"] for row in records), default=None)
    scheduled = [row for row in mine if row["origin"] == BY_SCHEDULE and row["state"] in ENDS]
    assert job["claimed"] == sum(row["id"] in counted for row in scheduled)
    ends = [event for event in ledger.events("job").values() if event.subject == job["subject"]]
    # Of a change that leaves no occurrence, whoever made it tells.
    is_told = bool(ends) or job["generation"] == 1
    assert [event.type for event in ends] == [f"tocsin.job.{job['state']}"] * is_told
    check_nothing_is_lost(ledger, job, mine)


def check_nothing_is_lost(
    ledger: Ledger, job: dict[str, Any], mine: Sequence[dict[str, Any]]
) -> None:
    """Every occurrence from the start to the last that was claimed was claimed or is in a range."""
    if job["anchor"] is None or job["frequency"] is None or job["generation"] > 1:
        return
    minute = 60 * 1_000_000
    claimed = {row["occurrence"] for row in mine if row["origin"] == BY_SCHEDULE}
    ranges = [one for one in ledger.skipped if one["job_id"] == job["id"]]
    for occurrence in range(job["anchor"], max(claimed, default=0) + 1, minute):
        is_skipped = any(one["first"] <= occurrence <= one["last"] for one in ranges)
        assert occurrence in claimed or is_skipped or occurrence <= to_microseconds(START)
