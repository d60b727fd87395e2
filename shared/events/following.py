"""Reading on in the event log, and waiting for what is not there yet."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from shared.clock import NO_TIME, Clock
from shared.events.log import EventLog, Page
from shared.events.queries import LogQuery

FIRST_PAUSE = timedelta(milliseconds=250)
LONGEST_PAUSE = timedelta(seconds=2)


class Following:
    """Waits for events: what this process publishes it knows of at once, for others' it looks now and then."""

    def __init__(self, log: EventLog, clock: Clock) -> None:
        self._log = log
        self._clock = clock

    async def read(self, query: LogQuery) -> Page:
        """Return the page that was asked for; while there is nothing on it, wait as long as the query says."""
        until = self._clock.now() + query.within
        pause = FIRST_PAUSE
        while True:
            publication = self._log.next_publication()
            page = await self._log.page(since=query.since, limit=query.limit, of_type=query.of_type)
            left = until - self._clock.now()
            if page.events or left <= NO_TIME:
                return page
            query = replace(query, since=page.next)
            if page.is_last:
                await self._wait(publication, min(pause, left))
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _wait(self, publication: "asyncio.Future[None]", pause: timedelta) -> None:
        sleeping = asyncio.ensure_future(self._clock.sleep(pause))
        try:
            await asyncio.wait((publication, sleeping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
