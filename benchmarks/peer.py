"""APScheduler with its SQLite job store, doing what the benchmark of the engine does."""

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from benchmarks.broker import Figure, measured
from shared.clock import SystemClock

CLOCK = SystemClock()
LOOK_EVERY = timedelta(milliseconds=50)
late: list[float] = []


async def run(planned: datetime) -> None:
    """What each job does: remember how many milliseconds late it was."""
    late.append((CLOCK.now() - planned).total_seconds() * 1000)


@asynccontextmanager
async def opened() -> AsyncIterator[AsyncIOScheduler]:
    """Open a scheduler on a new file, paused; SQLite's default there is `synchronous=FULL`."""
    late.clear()
    with tempfile.TemporaryDirectory() as folder:
        store = SQLAlchemyJobStore(url=f"sqlite:///{Path(folder) / 'jobs.db'}")
        defaults = {"misfire_grace_time": None, "coalesce": True}
        scheduler = AsyncIOScheduler(
            jobstores={"default": store}, job_defaults=defaults, timezone=UTC
        )
        scheduler.start(paused=True)
        try:
            yield scheduler
        finally:
            scheduler.shutdown(wait=False)


async def all_of(count: int) -> None:
    while len(late) < count:
        await CLOCK.sleep(LOOK_EVERY)


async def measure_lateness(per_second: int, seconds: int) -> tuple[Sequence[float], Figure]:
    """Have so many jobs a second fall due, evenly spread; returns milliseconds late, and the cost."""
    async with opened() as scheduler:
        count = per_second * seconds
        began = CLOCK.now() + timedelta(seconds=2, milliseconds=10 * count)
        for number in range(count):
            planned = began + timedelta(seconds=1) / per_second * number
            scheduler.add_job(run, "date", run_date=planned, args=[planned])
        with measured() as figure:
            scheduler.resume()
            await all_of(count)
        figure.count = count
        return list(late), figure


async def measure_dispatch(jobs: int) -> Figure:
    """Have every job fall due at once, and wait until all have run."""
    async with opened() as scheduler:
        due = CLOCK.now()
        for _ in range(jobs):
            scheduler.add_job(run, "interval", hours=1, next_run_time=due, args=[due])
        with measured() as figure:
            scheduler.resume()
            await all_of(jobs)
        figure.count = jobs
        return figure
