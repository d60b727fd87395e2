"""Timer triggers.

A timer never overlaps itself: occurrences that pass while it runs are left out. No schedule status is kept between
starts, so nothing is caught up and `past_due` is always false.
"""

import asyncio
import contextlib
import json
from datetime import datetime, timedelta
from typing import Any

import azure.functions as func

from shared.clock import Clock
from shared.errors import InvocationError
from shared.host.converters import converter
from shared.host.functions import HostedFunction, TimerTrigger
from shared.host.invocation import Invoker

LONGEST_SLEEP = timedelta(seconds=60)
"""The clock may be set meanwhile."""


class Timer:
    """Runs one function by its schedule."""

    def __init__(
        self, function: HostedFunction, trigger: TimerTrigger, *, invoker: Invoker, clock: Clock
    ) -> None:
        self._function = function
        self._trigger = trigger
        self._invoker = invoker
        self._clock = clock
        self._last: datetime | None = None
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Run at each occurrence until `stop`, and let the last run end."""
        if self._trigger.run_on_startup:
            await self._run_once()
        while await self._wait_until(self._trigger.schedule.next_after(self._clock.now())):
            await self._run_once()

    async def stop(self) -> None:
        """Start no more runs."""
        self._stopping.set()

    async def _wait_until(self, occurrence: datetime) -> bool:
        """Return True at the occurrence, or at an earlier one if the clock is set back meanwhile; False to stop."""
        while (now := self._clock.now()) < occurrence:
            occurrence = min(occurrence, self._trigger.schedule.next_after(now))
            if not await self._sleep(min(occurrence - now, LONGEST_SLEEP)):
                return False
        return not self._stopping.is_set()

    async def _sleep(self, duration: timedelta) -> bool:
        waits = [
            asyncio.ensure_future(self._clock.sleep(duration)),
            asyncio.ensure_future(self._stopping.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return not self._stopping.is_set()

    async def _run_once(self) -> None:
        started = self._clock.now()
        with contextlib.suppress(InvocationError):
            await self._invoker.invoke(self._function, lambda: self._request(started))
        self._last = started

    def _request(self, now: datetime) -> Any:
        status = {
            "Last": (self._last or now).isoformat(),
            "LastUpdated": (self._last or now).isoformat(),
            "Next": self._trigger.schedule.next_after(now).isoformat(),
        }
        document = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": status,
            "IsPastDue": False,
        }
        return converter("timerTrigger").decode(
            func.meta.Datum(json.dumps(document), "json"), trigger_metadata={}
        )
