from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from shared.events.cloudevent import CloudEvent
from shared.events.event_types import EventType
from shared.scheduler.announcements import JobPath, SkipReason
from shared.scheduler.execution_store import Range
from shared.scheduler.skips import Skips
from tests.clocks import START, FakeClock
from tests.shared.scheduler.engine_stack import EngineStack, open_engine
from tests.shared.scheduler.running import ids, rows

MINUTE = timedelta(minutes=1)
NOW = START + timedelta(hours=1)
PATH = JobPath(subscription="s", cloud_service="Cs1", job_collection="Jc1", job="J")


@pytest.fixture
async def engine(tmp_path: Path, clock: FakeClock) -> AsyncIterator[EngineStack]:
    async with open_engine(tmp_path, clock) as opened:
        await opened.put("J")
        yield opened


@pytest.fixture
def skips(engine: EngineStack) -> Skips:
    return Skips(engine.store.history)


async def overlap(
    engine: EngineStack, skips: Skips, minute: int, range_id: int | None
) -> tuple[int, CloudEvent | None]:
    return await engine.database.run(
        lambda tx: skips.overlap(
            tx, START + minute * MINUTE, job_id=1, range_id=range_id, path=PATH, now=NOW
        )
    )


async def test_a_range_is_told_when_it_opens_and_when_it_is_complete(
    engine: EngineStack, skips: Skips
) -> None:
    opened_id, opened = await overlap(engine, skips, 1, None)
    same_id, nothing = await overlap(engine, skips, 2, opened_id)
    closed = await engine.database.run(lambda tx: skips.close(tx, opened_id, path=PATH, now=NOW))

    assert (opened_id, same_id, nothing) == (1, 1, None)
    assert opened is not None
    assert ids([opened, closed]) == ["J/skipped/1/opened", "J/skipped/1/closed"]
    for event, last, is_open in ((opened, 1, True), (closed, 2, False)):
        assert event.type == EventType.EXECUTION_SKIPPED
        assert event.time == NOW
        assert event.data == {
            "rangeId": "/cloudservices/Cs1/jobcollections/Jc1/jobs/J/skipped/1",
            "reason": "overlap",
            "firstExpectedExecutionTime": "2026-01-01T12:01:00Z",
            "lastExpectedExecutionTime": f"2026-01-01T12:0{last}:00Z",
            "isOpen": is_open,
        }


async def test_a_range_that_is_complete_is_told_once(engine: EngineStack, skips: Skips) -> None:
    missed = Range(reason=SkipReason.MISSED, first=START, last=START + 2 * MINUTE)

    told = await engine.database.run(lambda tx: skips.add(tx, missed, job_id=1, path=PATH, now=NOW))

    assert ids([told]) == ["J/skipped/1/closed"]
    assert isinstance(told.data, dict)
    assert (told.data["reason"], told.data["isOpen"]) == ("missed", False)
    assert await rows(engine, "SELECT reason, (last - first) / 60000000, is_open FROM skipped") == [
        ("missed", 2, 0)
    ]


async def test_the_next_gap_is_another_range(engine: EngineStack, skips: Skips) -> None:
    first, _ = await overlap(engine, skips, 1, None)
    await engine.database.run(lambda tx: skips.close(tx, first, path=PATH, now=NOW))

    second, opened = await overlap(engine, skips, 5, None)

    assert second != first
    assert opened is not None
