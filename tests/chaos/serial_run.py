"""What a storm has left, held against a serial run of the same commands in the order of their acceptance."""

from collections import Counter, defaultdict
from collections.abc import Sequence, Set
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from shared.connector.operations import Operation, OperationStatus
from shared.errors import NotFoundError
from shared.wire.catalogue import CATALOGUE
from shared.wire.json_types import Json
from shared.wire.times import parse_duration
from tests.chaos.connector_storm import Storm, sqlite_storm
from tests.chaos.storm_commands import COLLECTION, SERVICES, opened_stack

VOLATILE = frozenset({"etag", "status"})
REPEATED = frozenset({"operationType"})
"""What a second attempt changes where the service does not recognise it."""
ENTITLE = "POST /00000000-0000-0000-0000-000000000001/EntitleResource"
OF_JOBS = "tocsin.job."
TOO_LATE, UNKNOWN = "DeadlineExceeded", "OutcomeUnknown"
Shown = tuple[Json, ...]


async def check(storm: Storm) -> None:
    """Hold what the storm left against a serial run of what it has carried out."""
    ended = await ends_of(storm)
    check_deadlines(storm, ended, await paths_of(storm))
    assert not storm.line.asked & {one.id for one in ended if not was_sent(one)}
    sent = [one for one in ended if was_sent(one)]
    changes = [one for one in sent if not CATALOGUE[one.command].is_read]
    numbers = (int(one.id.rpartition("-")[2], 16) for one in changes)
    with TemporaryDirectory() as name:
        folder = Path(name)
        async with (
            opened_stack(folder) as stack,
            sqlite_storm(stack, folder, numbers=numbers) as calm,
        ):
            for one in changes:
                process = calm.processes[0]
                await calm.accept_request(process, [storm.accepted[one.id]], key=one.id)
                await calm.calm()
                twin = await process.world.connector.operation(one.id)
                if storm.line.recognises_repeats:
                    assert told(one) == told(twin)
                else:
                    check_elsewhere(one, twin)
            if storm.line.recognises_repeats:
                left, expected = await effects(storm), await effects(calm)
                assert left == expected
            else:
                check_purchases(storm, changes)
                assert await held(storm, REPEATED) == await held(calm, REPEATED)


async def ends_of(storm: Storm) -> list[Operation]:
    """Return the operations in the order of their acceptance: each has ended once, and is at rest."""
    world = storm.processes[0].world
    rows = await world.rows("SELECT id FROM operation ORDER BY number")
    assert {row[0] for row in rows} == storm.accepted.keys()
    events = Counter(
        event["id"] if "operationid" in event else event["type"] for event in await world.events()
    )
    expected = Counter(f"{row[0]}/end" for row in rows)
    expected["tocsin.command.rejected"] = storm.rejected
    assert events == expected
    restless = "due_at IS NOT NULL OR lease_until IS NOT NULL OR sweep_at IS NOT NULL"
    assert await world.rows(f"SELECT id FROM operation WHERE {restless}") == []
    assert await world.rows("SELECT * FROM operation_waiting") == []
    return [await world.connector.operation(row[0]) for row in rows]


async def paths_of(storm: Storm) -> list[str]:
    rows = await storm.processes[0].world.rows("SELECT path FROM operation ORDER BY number")
    return [row[0] for row in rows]


def was_sent(one: Operation) -> bool:
    if one.status is OperationStatus.CANCELED:
        return False
    return one.error is None or one.error.code != TOO_LATE


def check_deadlines(storm: Storm, ended: Sequence[Operation], paths: Sequence[str]) -> None:
    """What was started after its deadline was not sent, unless a process died that may have sent it before."""
    for place, one in enumerate(ended):
        if one.status is OperationStatus.CANCELED:
            continue
        assert one.started_at is not None
        limit = parse_duration(storm.accepted[one.id].get("deadline", "PT24H"))
        is_late = one.started_at - released_at(ended, paths, place) > limit
        assert was_sent(one) != is_late or (is_late and one.id in storm.uncertain)


def released_at(ended: Sequence[Operation], paths: Sequence[str], place: int) -> datetime:
    """Return when nothing accepted before it was in its way any more."""
    found = [ended[place].requested_at]
    for earlier, path in zip(ended[:place], paths, strict=False):
        is_in_the_way = path.startswith(paths[place]) or paths[place].startswith(path)
        if is_in_the_way and not CATALOGUE[earlier.command].is_read:
            assert earlier.finished_at is not None
            found.append(earlier.finished_at)
    return max(found)


def told(one: Operation) -> Shown:
    code = one.error.code if one.error else None
    result = stable(one.result)
    return one.id, one.command, one.resource, one.status, one.http_status, code, result


def check_elsewhere(one: Operation, twin: Operation) -> None:
    """What is gone, or as it should be, is a success to whoever does not know whether it was his."""
    endpoint = CATALOGUE[one.command]
    if one.error is not None and one.error.code == UNKNOWN:
        assert endpoint.conditional or one.command == "EntitleResource"
    elif one.status is not twin.status:
        assert one.status is OperationStatus.SUCCEEDED
        assert endpoint.conditional or twin.http_status == 404


def check_purchases(storm: Storm, changes: Sequence[Operation]) -> None:
    """Nothing is bought twice."""
    bought = [one for one in changes if one.command == "EntitleResource"]
    certain = [one for one in bought if one.status is OperationStatus.SUCCEEDED]
    assert len(certain) <= storm.line.done[ENTITLE] <= len(bought)


async def effects(storm: Storm) -> list[Json]:
    """Return what the service holds, what it has told of each job, and what it was asked to run."""
    stories: dict[str, list[Json]] = defaultdict(list)
    for event in await storm.stack.engine.told():
        if event.type.startswith(OF_JOBS):  # those of executions say when they were asked for
            stories[event.subject or ""].append([event.type, stable(event.data)])
    runs: list[Json] = await storm.stack.database.read(
        lambda connection: [
            list(row)
            for row in connection.exec_driver_sql(
                "SELECT origin, cloud_service, job, state FROM execution ORDER BY origin"
            )
        ]
    )
    return [await held(storm), dict(stories), runs]


async def held(storm: Storm, passing: Set[str] = frozenset()) -> Json:
    """Return what the service holds, but for what tells when it came, and what is `passing`."""
    reads: list[tuple[str, dict[str, str]]] = [
        ("GetCloudService", {"cloud_service": name}) for name in SERVICES
    ]
    reads += [
        (row, {"cloud_service": name, "job_collection": COLLECTION})
        for name in SERVICES
        for row in ("GetJobCollection", "ListJobs")
    ]
    reader = storm.processes[0].world.connector
    found: list[Json] = []
    for row, params in reads:
        try:
            _, document = await reader.read(CATALOGUE[row], params, {})
        except NotFoundError:
            document = None
        found.append(stable(document, passing))
    return found


def stable(document: Any, passing: Set[str] = frozenset()) -> Json:
    if isinstance(document, dict):
        return {
            name: stable(value, passing)
            for name, value in document.items()
            if name not in VOLATILE | passing
        }
    return [stable(each, passing) for each in document] if isinstance(document, list) else document
