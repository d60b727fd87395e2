"""History of a Scheduler that does not push it: looked for every minute, in the collections that the operator names.

A look reads the list of jobs, and the history of those alone whose numbers moved (`history_looks`). What it found of a
job is one transaction with what is known of it from then on, and the ids of events follow from the records. So a look
can end anywhere, the next one goes on, and no record is told twice. A Scheduler that does not answer is asked for
nothing more in that look.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from shared.clock import Clock
from shared.connector.history_announcements import (
    ATTEMPT_EVENTS,
    attempt_event,
    attempt_id,
    lost_event,
)
from shared.connector.history_looks import (
    SeenJob,
    Sight,
    account,
    first_sight,
    has_moved,
    record_of,
    sight_of,
)
from shared.connector.history_store import PolledHistoryStore, Turn
from shared.connector.reading import Reader
from shared.errors import (
    NotFoundError,
    PermanentError,
    TocsinError,
)
from shared.events.log import EventLog
from shared.wire.catalogue import CATALOGUE
from shared.wire.job import ActionName, JobHistory
from shared.wire.json_types import Json
from shared.wire.routing import parse_resource, resource_path

logger = logging.getLogger(__name__)

JOBS_AT_ONCE = 500
"""Of a list; their definitions may have 16 KB each."""
FEWEST_RECORDS, MOST_RECORDS = 10, 100
READS_AT_ONCE = 8
LONGEST_READ = timedelta(seconds=80)
"""So long before the end of a turn nothing more is asked."""
GET_COLLECTION = CATALOGUE["GetJobCollection"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A job collection by the names that its setting gives it; `source` is that of its events."""

    source: str
    cloud_service: str
    job_collection: str

    @classmethod
    def parse(cls, path: str, *, source: str) -> "Collection":
        """Raises InvalidRequestError for what is not the path of a collection."""
        return cls(source=source, **parse_resource(GET_COLLECTION, path))

    @property
    def names(self) -> dict[str, str]:
        return {"cloud_service": self.cloud_service, "job_collection": self.job_collection}

    @property
    def path(self) -> str:
        return resource_path(GET_COLLECTION, self.names)


class HistoryPolling:
    """Looks at collections of the Scheduler that `reader` reads; `is_paused` says whether it refuses us."""

    def __init__(
        self,
        store: PolledHistoryStore,
        reader: Reader,
        collections: Sequence[Collection],
        *,
        event_log: EventLog,
        clock: Clock,
        is_paused: Callable[[], bool],
    ) -> None:
        self._store = store
        self._reader = reader
        self._collections = collections
        self._event_log = event_log
        self._clock = clock
        self._is_paused = is_paused

    async def run_once(self) -> None:
        """Look at every collection that nobody else looks at; what cannot be read waits for the next time."""
        if not self._collections or self._is_paused():
            return
        await asyncio.gather(*(self._look_at(one) for one in self._collections))
        await self._event_log.publish()

    async def _look_at(self, collection: Collection) -> None:
        began_at = self._clock.now()
        turn = await self._store.take(collection.path.lower(), now=began_at)
        if turn is None:
            return
        look = Look(collection, turn, self._store, self._reader, clock=self._clock)
        is_complete = False
        try:
            is_complete = await look.run()
        except TocsinError as error:
            logger.warning(
                "the history of %s cannot be read: %s",
                collection.path,
                error,
                extra={"action": "poll_history", "resource": collection.path},
            )
        finally:
            await self._store.end(turn, looked_at=began_at if is_complete else None)


class Look:
    """One look at one collection."""

    def __init__(
        self,
        collection: Collection,
        turn: Turn,
        store: PolledHistoryStore,
        reader: Reader,
        *,
        clock: Clock,
    ) -> None:
        self._collection = collection
        self._turn = turn
        self._store = store
        self._reader = reader
        self._clock = clock
        self._reads = asyncio.Semaphore(READS_AT_ONCE)
        self._failure: TocsinError | None = None
        self._is_late = False

    async def run(self) -> bool:
        """Whether everything was seen before the turn's end; raises what stopped it."""
        seen = dict(await self._store.seen(self._turn.collection))
        async for sights in self._list():
            await asyncio.gather(
                *(self._look_at_job(sight, seen.pop(sight.id.lower(), None)) for sight in sights)
            )
            if self._is_stopped():
                break
        else:
            # The list moves while it is paged through, so that what is not in it may be there.
            await asyncio.gather(*(self._forget(job) for job in seen))
        if self._failure is not None:
            raise self._failure
        return not self._is_late

    async def _list(self) -> AsyncIterator[Sequence[Sight]]:
        skip = 0
        while True:
            page = await self._page("ListJobs", self._collection.names, top=JOBS_AT_ONCE, skip=skip)
            # By their ids: a list that moves may show a job twice.
            yield list({one.id.lower(): one for one in map(sight_of, page) if one}.values())
            skip += len(page)
            if len(page) < JOBS_AT_ONCE:
                return

    async def _look_at_job(self, sight: Sight, seen: SeenJob | None) -> None:
        job = sight.id.lower()
        known = seen or first_sight(sight, since=self._turn.since, now=self._clock.now())
        if has_moved(known, sight):
            await self._unless_stopped(lambda: self._tell(sight, known))
        elif seen is None:
            await self._unless_stopped(lambda: self._store.tell(self._turn, job, known, []))

    async def _unless_stopped(self, do: Callable[[], Awaitable[None]]) -> None:
        """Do it when its turn among the reads comes, if there is still time and nothing has failed."""
        async with self._reads:
            if self._is_stopped():
                return
            try:
                await do()
            except TocsinError as error:
                self._failure = self._failure or error

    def _is_stopped(self) -> bool:
        self._is_late = self._is_late or self._clock.now() + LONGEST_READ > self._turn.until
        return self._is_late or self._failure is not None

    async def _tell(self, sight: Sight, seen: SeenJob) -> None:
        names = {**self._collection.names, "job": sight.id}
        try:
            found = await self._new_records(names, seen, expected=seen.expects(sight))
        except NotFoundError:
            return  # it was deleted since; the next look does not list it
        following, lost = account(seen, sight, found, now=self._clock.now())
        source = self._collection.source
        events = [
            attempt_event(names, record, source=source)
            for record in found
            if record.status in ATTEMPT_EVENTS
        ]
        if lost is not None:
            events.append(lost_event(names, lost, source=source))
        await self._store.tell(self._turn, sight.id.lower(), following, events)

    async def _new_records(
        self, names: Mapping[str, str], seen: SeenJob, *, expected: int
    ) -> list[JobHistory]:
        """Return the records that nobody has told of, in the order in which they were recorded.

        The newest come first, so that it goes on until it meets known ones and has as many as there should be.
        """
        found: dict[str, JobHistory] = {}
        top = min(max(expected + 1, FEWEST_RECORDS), MOST_RECORDS)
        skip = 0
        while True:
            page = await self._page("GetJobHistory", names, top=top, skip=skip)
            records = {
                attempt_id(names, record): record
                for record in map(record_of, page)
                if record is not None and not is_known(seen, record)
            }
            unknown = await self._store.unknown([*records])
            found |= {id: record for id, record in records.items() if id in unknown}
            mains = sum(one.action_name is ActionName.MAIN_ACTION for one in found.values())
            is_enough = len(unknown) < len(page) and mains >= expected
            if len(page) < top or not unknown or is_enough:
                return [*reversed(found.values())]
            skip += len(page)

    async def _forget(self, job: str) -> None:
        async def forget() -> None:
            names = {**self._collection.names, "job": job}
            try:
                await self._reader.read(CATALOGUE["GetJob"], names, {})
            except NotFoundError:
                await self._store.forget(self._turn, job)

        await self._unless_stopped(forget)

    async def _page(
        self, command: str, names: Mapping[str, str], *, top: int, skip: int
    ) -> list[Json]:
        query = {"$top": str(top)} | ({"$skip": str(skip)} if skip else {})
        _, document = await self._reader.read(CATALOGUE[command], names, query)
        if not isinstance(document, list):
            raise PermanentError(f"the answer to {command} is no list")
        return document


def is_known(seen: SeenJob, record: JobHistory) -> bool:
    return seen.known_until is not None and record.start_time <= seen.known_until
